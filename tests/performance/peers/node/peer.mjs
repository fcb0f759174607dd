// Node: mqtt and pg. "single": one INSERT a message, as tutorials and flow tools do it.
// "rows": what came in 100 ms as one INSERT of many rows. Both acknowledge at once.
import { createInterface } from 'node:readline';
import mqtt from 'mqtt';
import pg from 'pg';

const line = await new Promise((resolve) => createInterface({ input: process.stdin }).once('line', resolve));
const task = JSON.parse(line);
const pool = new pg.Pool({ connectionString: task.database, max: 10 });
const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${task.port}`, {
  username: task.user,
  password: task.password,
  clientId: `peer-node-${task.how}`,
  protocolVersion: 5,
});

let waiting = [];
const MOST = 5000; // parameters of one statement are limited to 65,535

async function writeRows() {
  while (waiting.length > 0) {
    const rows = waiting.splice(0, MOST);
    const places = rows.map((_, i) => `($${3 * i + 1},$${3 * i + 2},$${3 * i + 3})`).join(',');
    await pool.query(`insert into peer (device, t, payload) values ${places}`, rows.flat());
  }
  setTimeout(writeRows, 100);
}

client.on('message', (topic, payload) => {
  const row = [topic.split('/')[2], new Date(), payload];
  if (task.how === 'single') {
    void pool.query('insert into peer (device, t, payload) values ($1, $2, $3)', row);
  } else {
    waiting.push(row);
  }
});
if (task.how === 'rows') void writeRows();
await client.subscribeAsync('vw1/+/+/up/#', { qos: 1 });
console.log('subscribed');
