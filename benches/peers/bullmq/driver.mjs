// Measures BullMQ for `make bench-queue`: reads one command as JSON a line, answers one line each.
//   node driver.mjs <port>
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';

const connection = { host: '127.0.0.1', port: Number(process.argv[2]) };
const NAME = 'bench';
// The fastest way that BullMQ documents: jobs leave no trace, and nobody counts or listens.
const LEAVE_NOTHING = { removeOnComplete: true, removeOnFail: true };
const DAY_MS = 86_400_000;

const now = () => performance.timeOrigin + performance.now();

/** 200 bytes of JSON, as the other side sends. */
function payload(number, time = 0) {
  const t = Math.round(time * 1000).toString().padStart(16, '1').slice(0, 16);
  const start = `{"t":${t},"email":"customer-${String(number % 1_000_000).padStart(6, '0')}@example.com","data":"`;
  return JSON.parse(start + 'x'.repeat(198 - start.length) + '"}');
}

const job = (number, options = {}, time = 0) =>
  ({ name: 'job', data: payload(number, time), opts: { ...LEAVE_NOTHING, ...options } });

/** Runs `work(i)` for i in 0..n, `inFlight` at a time. */
async function inFlight(n, width, work) {
  let next = 0;
  const loop = async () => { while (next < n) await work(next++); };
  await Promise.all(Array.from({ length: width }, loop));
}

async function add(queue, n, batch, width, make = job) {
  if (batch === 1) return inFlight(n, width, i => { const { name, data, opts } = make(i); return queue.add(name, data, opts); });
  return inFlight(Math.ceil(n / batch), width, chunk => {
    const from = chunk * batch;
    return queue.addBulk(Array.from({ length: Math.min(batch, n - from) }, (_, i) => make(from + i)));
  });
}

/** Starts workers; `ended` resolves when n jobs have been processed and completed. */
async function work(n, concurrency, workers, processor = async () => {}) {
  let completed = 0;
  let resolve;
  const ended = new Promise(done => { resolve = done; });
  const started = Array.from({ length: workers }, () =>
    new Worker(NAME, processor, { connection, concurrency: Math.ceil(concurrency / workers), autorun: false }));
  for (const worker of started) {
    worker.on('completed', () => { if (++completed === n) resolve(); });
    worker.on('error', error => console.error(String(error)));
    await worker.waitUntilReady();
  }
  const run = () => { for (const worker of started) worker.run(); };
  return { run, ended, close: () => Promise.all(started.map(worker => worker.close())) };
}

/** The seconds that `action` takes, and the microseconds of this process's CPU. */
async function timed(action) {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await action();
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - start) / 1000, cpu_us: user + system };
}

function percentiles(values) {
  values.sort((a, b) => a - b);
  const at = part => values[Math.floor((values.length - 1) * part)];
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

const commands = {
  enqueue: (queue, { n, batch, width }) => timed(() => add(queue, n, batch, width)),

  async drain(_, { n, concurrency, workers }) {
    const worker = await work(n, concurrency, workers);
    const answer = await timed(() => { worker.run(); return worker.ended; });
    await worker.close();
    return answer;
  },

  async together(queue, { n, batch, width, concurrency, workers }) {
    const worker = await work(n, concurrency, workers);
    const answer = await timed(async () => { worker.run(); await add(queue, n, batch, width); await worker.ended; });
    await worker.close();
    return answer;
  },

  async latency(queue, { n, every_ms, concurrency }) {
    const waits = [];
    const worker = await work(n, concurrency, 1, async job => { waits.push(now() - job.data.t / 1000); });
    worker.run();
    await sleep(500);
    const start = performance.now();
    for (let i = 0; i < n; i++) {
      await sleep(Math.max(0, start + i * every_ms - performance.now()));
      const { name, data, opts } = job(i, {}, now());
      queue.add(name, data, opts);
    }
    await worker.ended;
    await worker.close();
    return percentiles(waits);
  },

  fill: (queue, { n, batch, width }) => timed(() => add(queue, n, batch, width, i =>
    job(i, { delay: DAY_MS + i, jobId: `customer-${String(i).padStart(6, '0')}` }))),

  async late(queue, { n, within_ms, lead_ms, concurrency }) {
    const waits = [];
    const worker = await work(n, concurrency, 1, async job => { waits.push(now() - job.data.t / 1000); });
    worker.run();
    const start = Math.ceil(now()) + lead_ms;
    await add(queue, n, 500, 1, i => {
      const due = start + Math.floor(i * within_ms / n);
      return job(i, { delay: Math.max(0, Math.round(due - now())) }, due);
    });
    await worker.ended;
    await worker.close();
    return percentiles(waits);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  const queue = new Queue(NAME, { connection });
  await queue.waitUntilReady();
  const answer = await commands[command.do](queue, command);
  await queue.close();
  console.log(JSON.stringify(answer));
}
process.exit(0);
