// objects: memory_limit, timeout
const a = []; for (;;) a.push({})
// arrays: memory_limit, timeout
const a = []; for (;;) a.push(new Array(1000).fill({}))
// buffers: memory_limit
const a = []; for (;;) a.push(new Uint8Array(100_000))
// one-buffer: memory_limit
return new Uint8Array(1 << 30)
// huge-buffer: memory_limit, exception
return new ArrayBuffer(2 ** 52)
// resizable: memory_limit, exception, null
const b = new ArrayBuffer(1, { maxByteLength: 2 ** 40 }); b.resize(2 ** 39)
// doubling-string: memory_limit, exception, timeout
let s = 'x'; for (;;) { s += s; s.charCodeAt(5) }
// wide-doubling-string: memory_limit, exception, timeout
let s = '€'; for (;;) { s += s; s.charCodeAt(5) }
// repeat: memory_limit
return 'x'.repeat(500 << 20)
// repeat-limit: memory_limit, exception
return 'x'.repeat(2 ** 30)
// pad: memory_limit
return 'x'.padEnd(400 << 20, 'ab')
// concat-strings: memory_limit, timeout
const a = []; for (let i = 0; ; i++) a.push('x'.repeat(1000) + i)
// map: memory_limit, timeout
const m = new Map(); for (let i = 0; ; i++) m.set(i, i)
// set: memory_limit, timeout
const m = new Set(); for (let i = 0; ; i++) m.add('key' + i)
// weak-map: memory_limit, timeout
const m = new WeakMap(); const keys = []; for (;;) { const k = {}; keys.push(k); m.set(k, {}) }
// linked-list: memory_limit, timeout
let a = null; for (;;) a = { a }
// closures: memory_limit, timeout
let f = () => 1; for (;;) { const g = f; f = () => g }
// globals: memory_limit, timeout
for (let i = 0; ; i++) globalThis['g' + i] = new Uint8Array(1000)
// symbols: memory_limit, timeout
const a = []; for (let i = 0; ; i++) a.push(Symbol('s' + i))
// registered-symbols: memory_limit, timeout
for (let i = 0; ; i++) Symbol.for('s'.repeat(1000) + i)
// property-names: memory_limit, timeout
const o = {}; for (let i = 0; ; i++) o['name'.repeat(50) + i] = 1
// functions: memory_limit, timeout
const a = []; for (let i = 0; ; i++) a.push(new Function('return "' + 'x'.repeat(1000) + i + '"'))
// errors-kept: memory_limit, timeout
const a = []; for (;;) a.push(new Error('x'.repeat(1000)))
// dates-kept: memory_limit, timeout
const a = []; for (;;) a.push(new Date())
// regexes-kept: memory_limit, timeout
const a = []; for (let i = 0; ; i++) a.push(new RegExp('x'.repeat(100) + i))
// catches-and-goes-on: memory_limit, timeout
const a = []; for (;;) { try { for (;;) a.push(new Uint8Array(100_000)) } catch {} }
// catches-and-throws: memory_limit, timeout
try { const a = []; for (;;) a.push({}) } catch (error) { throw error }
// out-of-memory-in-finally: memory_limit, timeout
const a = []; try { for (;;) a.push(new Uint8Array(100_000)) } finally { a.push('x'.repeat(1 << 20)) }
// cyclic-garbage: timeout, memory_limit
for (;;) { const a = {}; const b = { a }; a.b = b; a.data = new Uint8Array(10_000) }
// array-length: memory_limit, exception, response_too_large
const a = []; a.length = 2 ** 32 - 1; return a.fill(1)
// array-holes: memory_limit, timeout
const a = []; for (let i = 0; ; i += 100) a[i] = i
// push-apply: memory_limit, timeout, stack_overflow
const a = [1]; for (;;) a.push.apply(a, a.slice(0, 10_000))
// spread-doubling: memory_limit, timeout
let a = [1]; for (;;) a = [...a, ...a]
// object-spread: memory_limit, timeout
let o = {}; for (let i = 0; ; i++) o = { ...o, ['k' + i]: o }
// template-doubling: memory_limit, exception, timeout
let s = 'ab'; for (;;) { s = `${s}${s}`; s.at(-1) }
// encoder: memory_limit, timeout
const a = []; for (;;) a.push(new TextEncoder().encode('x'.repeat(1 << 20)))
// logs-much: memory_limit, timeout
const s = 'x'.repeat(1 << 20); for (;;) console.log(s)
// fetch-bodies: memory_limit, timeout
for (;;) fetch('http://x.test/', { method: 'POST', body: 'y'.repeat(1e6) })
