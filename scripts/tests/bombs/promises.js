// await-storm: timeout
for (;;) await null
// then-loop: timeout
const loop = () => Promise.resolve().then(loop); return loop()
// microtasks: timeout
const spin = () => queueMicrotask(spin); spin(); await new Promise(() => {})
// immediate: timeout
const again = () => setImmediate(again); again(); await new Promise(() => {})
// zero-timers: timeout
const again = () => setTimeout(again, 0); again(); await new Promise(() => {})
// interval: timeout
setInterval(() => {}, 1); await new Promise(() => {})
// long-timer: timeout
await new Promise((resolve) => setTimeout(resolve, 60_000))
// never: never_settles
await new Promise(() => {})
// thenable-never: never_settles
await { then() {} }
// promise-all-forever: timeout, memory_limit
function* all() { for (;;) yield Promise.resolve(1) } await Promise.all(all())
// race-forever: timeout, memory_limit
function* all() { for (;;) yield new Promise(() => {}) } await Promise.race(all())
// any-rejects: timeout, memory_limit
function* all() { for (;;) yield Promise.reject(1) } await Promise.any(all())
// many-timers: timeout, memory_limit
for (;;) setTimeout(() => {}, 1e6)
// many-awaits: timeout, memory_limit
const a = []; for (;;) a.push((async () => { await null })())
// async-generator: timeout
async function* g() { for (;;) yield 1 } for await (const x of g()) {}
// for-await-thenables: timeout
for await (const x of (function* () { for (;;) yield null })()) {}
// unhandled: timeout, memory_limit
for (;;) Promise.reject(new Error('x')); 
// unhandled-and-waits: timeout
for (let i = 0; i < 1000; i++) Promise.reject(new Error('x')); await new Promise((r) => setTimeout(r, 1e6))
// fetch-hangs: timeout
await fetch('http://never.test/')
// many-fetches: timeout, memory_limit
await Promise.all(Array.from({ length: 5000 }, () => fetch('http://never.test/')))
// cache-storm: timeout, memory_limit
for (;;) fetch('http://never.test/').catch(() => {})
// resolve-with-getter: timeout
return { get then() { for (;;) {} } }
// self-resolving: exception, never_settles, timeout
let r; const p = new Promise((resolve) => { r = resolve }); r(p); return p
