/**
 * The command that corrects the URLs of a cell, as advice. With both: one that is not given nova-manage takes from its own nova.conf, which
 * may be of another cell. Source: nova/cmd/manage.py CellV2Commands.update_cell.
 */
export function updateCell(uuid: string): string {
  return (
    `nova-manage cell_v2 update_cell --cell_uuid ${uuid} --transport-url URL --database_connection URL ` +
    '(both: one that is left out is set to that of nova.conf)'
  )
}
