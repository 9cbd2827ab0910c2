/**
 * A list of people read by SheetJS and inserted in batches of 1,000 rows, the usual way of such tools: digits of the
 * phone are kept as they are written, nothing is checked. Prints the seconds.
 */
import fs from "node:fs";
import pg from "pg";
import * as XLSX from "xlsx";

const { file, database_host: host, database_user: user, database } = JSON.parse(process.argv[2]);
const BATCH = 1000;

const client = new pg.Client({ host, user, database });
await client.connect();
await client.query("TRUNCATE contact");
const started = performance.now();
const workbook = XLSX.read(fs.readFileSync(file));
const rows = XLSX.utils.sheet_to_json(workbook.Sheets[workbook.SheetNames[0]], { defval: "" });
for (let at = 0; at < rows.length; at += BATCH) {
  const values = [];
  const places = rows.slice(at, at + BATCH).map((row, index) => {
    const { Nama: name, "No. HP": phone, ...attributes } = row;
    values.push(String(phone).replace(/\D/g, ""), String(name), JSON.stringify(attributes));
    return `($${index * 3 + 1}, $${index * 3 + 2}, $${index * 3 + 3})`;
  });
  await client.query(
    `INSERT INTO contact (phone_number, name, attributes) VALUES ${places.join(",")} ON CONFLICT DO NOTHING`,
    values,
  );
}
console.log((performance.now() - started) / 1000);
await client.end();
