const ExcelJS = require('exceljs');

module.exports = async ({ payload: { url } }) => {
  const rows = await (await fetch(`${url}/rows`)).json();
  const book = new ExcelJS.Workbook();
  const sheet = book.addWorksheet('S');
  sheet.columns = [{ header: 'Id', key: 'id' }, { header: 'Name', key: 'name' }];
  sheet.addRows(rows);
  sheet.getCell('C1').value = { formula: 'SUM(A2:A3)', result: 3 };
  const bytes = await book.xlsx.writeBuffer();
  const again = new ExcelJS.Workbook();
  await again.xlsx.load(bytes);
  const csv = await again.csv.writeBuffer();
  return { names: again.worksheets.map(({ name }) => name), cell: again.getWorksheet('S').getCell('B3').value, rows: again.getWorksheet('S').rowCount, csv: csv.toString(), large: bytes.byteLength > 3000 };
};
