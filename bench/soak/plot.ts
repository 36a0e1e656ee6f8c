/** One curve over time. */
export interface Curve {
  readonly name: string
  readonly color: string
  /** A value for each sample; null: not known then. */
  readonly values: readonly (number | null)[]
}

/** Curves that share an axis. */
export interface Panel {
  readonly title: string
  readonly curves: readonly Curve[]
}

export interface PlotOptions {
  readonly title: string
  /** Of each sample. */
  readonly seconds: readonly number[]
  readonly panels: readonly Panel[]
  /** Moments to point out. */
  readonly marks: readonly { readonly second: number; readonly color: string; readonly name: string }[]
}

const WIDTH = 1000
const PANEL = 170
const EDGE = { left: 70, right: 20, top: 50, between: 40 }

/** Draws panels one above the other over the same time, as an SVG. */
export function renderPlot({ title, seconds, panels, marks }: PlotOptions): string {
  const end = Math.max(seconds.at(-1) ?? 1, 1)
  const x = (second: number) => EDGE.left + (second / end) * (WIDTH - EDGE.left - EDGE.right)
  const height = EDGE.top + panels.length * (PANEL + EDGE.between)
  const drawn = panels.map((panel, i) => {
    const top = EDGE.top + i * (PANEL + EDGE.between)
    return renderPanel(panel, { top, x, seconds }) + renderMarks(marks, { top, x })
  })
  const legend = [...new Map(marks.map(({ name, color }) => [name, color]))].map(([name, color], i) =>
    text({ x: WIDTH - EDGE.right - 140 * i, y: 38, anchor: 'end', color, words: `| ${name}` }),
  )
  const ticks = Array.from({ length: 7 }, (_, i) => (end * i) / 6).map((second) =>
    text({ x: x(second), y: height - EDGE.between + 16, anchor: 'middle', words: `${Math.round(second)} s` }),
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
${text({ x: EDGE.left, y: 20, anchor: 'start', words: title })}
${[...drawn, ...legend, ...ticks].join('\n')}
</svg>
`
}

interface Place {
  readonly top: number
  x(second: number): number
}

function renderPanel({ title, curves }: Panel, { top, x, seconds }: Place & { readonly seconds: readonly number[] }): string {
  const most = roundUp(Math.max(...curves.flatMap(({ values }) => values.map((value) => value ?? 0)), 1))
  const y = (value: number) => top + PANEL - (value / most) * PANEL
  const lines = [0, most / 2, most].map(
    (value) =>
      `<line x1="${x(0)}" x2="${WIDTH - EDGE.right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>` +
      text({ x: EDGE.left - 6, y: y(value) + 4, anchor: 'end', words: value.toLocaleString('en') }),
  )
  const paths = curves.map(({ color, values }) => {
    let isDrawing = false
    const steps = values.map((value, i) => {
      const verb = isDrawing ? 'L' : 'M'
      isDrawing = value !== null
      return value === null ? '' : `${verb}${x(seconds[i] ?? 0).toFixed(1)} ${y(value).toFixed(1)}`
    })
    return `<path d="${steps.join('')}" fill="none" stroke="${color}" stroke-width="1.3"/>`
  })
  const names = curves.map(({ name, color }, i) =>
    text({ x: x(0) + 240 + 140 * i, y: top - 6, anchor: 'start', color, words: name }),
  )
  return [...lines, ...paths, text({ x: x(0), y: top - 6, anchor: 'start', words: title }), ...names].join('\n')
}

function renderMarks(marks: PlotOptions['marks'], { top, x }: Place): string {
  return marks
    .map(
      ({ second, color }) =>
        `<line x1="${x(second).toFixed(1)}" x2="${x(second).toFixed(1)}" y1="${top}" y2="${top + PANEL}" stroke="${color}" stroke-opacity="0.5" stroke-dasharray="3 3"/>`,
    )
    .join('\n')
}

interface Words {
  readonly x: number
  readonly y: number
  readonly anchor: 'start' | 'middle' | 'end'
  readonly color?: string
  readonly words: string
}

function text({ x, y, anchor, color = '#333', words }: Words): string {
  const safe = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}" fill="${color}">${safe}</text>`
}

/** To one, two or five times a power of ten. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 5, 10].find((times) => times * power >= value) ?? 10) * power
}
