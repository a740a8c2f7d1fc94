// Fresh worlds of Node for one run of a handler: a worker thread, an isolate. Prints `name cpu_us wall_us` per line.
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import ivm from 'isolated-vm';

const [small, big, runs] = [readFileSync(process.argv[2], 'utf8'), readFileSync(process.argv[3], 'utf8'), Number(process.argv[4])];
const payload = { name: 'world', items: [1, 2, 3] };

async function measure(name, times, once) {
  for (let i = 0; i < 3; i++) await once();
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  for (let i = 0; i < times; i++) await once();
  const wall = Number(process.hrtime.bigint() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  console.log(name, ((user + system) / times).toFixed(1), (wall / times).toFixed(1));
}

// The worker gets the source as text, runs the handler once and ends.
const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const module_ = { exports: {} };
  new Function('module', 'exports', 'require', workerData.code)(module_, module_.exports, require);
  module_.exports({ payload: workerData.payload }).then((value) => parentPort.postMessage(value));
`;

const worker = (code) => () => new Promise((resolve, reject) => {
  const worker = new Worker(WORKER, { eval: true, workerData: { code, payload } });
  worker.once('message', (value) => worker.terminate().then(() => resolve(value)));
  worker.once('error', reject);
});

// A fresh isolate and context for each run: from the text, or with V8's code cache, made once, as we have bytecode.
function isolate(code, cached) {
  const source = `(function () { const module = { exports: {} }; (function (module, exports) {${code}\n})(module, module.exports); return module.exports })()({ payload }).then(JSON.stringify)`;
  const first = new ivm.Isolate();
  const { cachedData } = first.compileScriptSync(source, { produceCachedData: true });
  first.dispose();
  return async () => {
    const isolate = new ivm.Isolate({ memoryLimit: 64 });
    const context = await isolate.createContext();
    await context.global.set('payload', new ivm.ExternalCopy(payload).copyInto());
    const script = await isolate.compileScript(source, cached ? { cachedData } : {});
    const value = await script.run(context, { promise: true, timeout: 10_000 });
    isolate.dispose();
    return value;
  };
}

for (const [name, code, times] of [['small', small, runs], ['big', big, Math.ceil(runs / 10)]]) {
  await measure(`${name} worker`, Math.ceil(runs / 20), worker(code));
  await measure(`${name} isolate`, times, isolate(code, false));
  await measure(`${name} cached`, times, isolate(code, true));
}
