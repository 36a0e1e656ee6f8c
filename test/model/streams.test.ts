import { describe } from 'vitest'
import { testModel } from './keeps-its-word.ts'

describe('delivery to agents, whatever happens', () => testModel('streams', 50_000))
