// bigint-power: timeout, exception, memory_limit
2n ** 100_000_000n
// bigint-product: timeout, memory_limit, exception
let a = 3n; for (;;) a *= a
// bigint-print: timeout, memory_limit
for (;;) (7n ** 200_000n).toString()
// bigint-print-ten: timeout
for (;;) (2n ** 300_000n).toString(10)
// bigint-parse: timeout, exception
for (;;) BigInt('9'.repeat(200_000))
// bigint-shift: memory_limit, exception, timeout
1n << 10_000_000_000n
// bigint-divide: timeout
const a = 7n ** 100_000n, b = 3n ** 50_000n; for (;;) a / b
// bigint-mod: timeout
const a = 7n ** 50_000n; for (let i = 2n; ; i++) (a * i) % (a - i)
// json-parse-huge: timeout, memory_limit
const s = '[' + '1,'.repeat(5_000_000) + '1]'; for (;;) JSON.parse(s)
// json-parse-strings: timeout, memory_limit
const s = JSON.stringify('x\n'.repeat(3_000_000)); for (;;) JSON.parse(s)
// json-parse-keys: timeout, memory_limit
JSON.parse('{' + Array.from({ length: 300_000 }, (_, i) => `"k${i}":1`).join() + '}'); for (;;) {}
// json-print-huge: timeout, memory_limit
const a = Array.from({ length: 200_000 }, (_, i) => i); for (;;) JSON.stringify(a)
// json-print-spaces: timeout, memory_limit, exception
let a = []; for (let i = 0; i < 300; i++) a = [a, a.length]; for (;;) JSON.stringify(a, null, 10)
// json-replacer: timeout
JSON.stringify({ a: 1 }, () => { for (;;) {} })
// json-dag: timeout, memory_limit
let a = {}; for (let i = 0; i < 40; i++) a = { l: a, r: a }; JSON.stringify(a)
// result-dag: timeout, memory_limit, response_too_large
let a = {}; for (let i = 0; i < 40; i++) a = { l: a, r: a }; return a
// result-getter: timeout
return { get a() { for (;;) {} } }
// result-to-json: timeout
return { toJSON() { for (;;) {} } }
// result-proxy: timeout
return new Proxy({}, { ownKeys() { for (;;) {} } })
// result-cycle: invalid_response
const a = {}; a.a = a; return a
// result-bigint: invalid_response
return 1n
// result-large: response_too_large, memory_limit
return 'x'.repeat(20 << 20)
// result-many: response_too_large, timeout, memory_limit
return Array.from({ length: 600_000 }, () => 1)
// result-escapes: response_too_large
return '\n'.repeat(600_000)
// thrown-getter: timeout
throw { get message() { for (;;) {} }, stack: 'x' }
// thrown-proxy: exception, timeout
throw new Proxy({}, { get() { throw 1 } })
// thrown-null: exception
throw null
// thrown-huge: exception, memory_limit
throw new Error('x'.repeat(10 << 20))
// thrown-symbol: exception
throw Symbol('x')
// logged-getter: timeout
console.log({ get [Symbol.toStringTag]() { for (;;) {} } })
// logged-proxy: timeout, null
console.log(new Proxy({}, { ownKeys() { for (;;) {} }, get() { for (;;) {} } })); for (;;) {}
// proxy-get: timeout
const p = new Proxy({}, { get: () => 1 }); for (;;) p.a
// proxy-has: timeout
const p = new Proxy({}, { has: () => true }); for (;;) 'a' in p
// proxy-keys: timeout, memory_limit
const p = new Proxy({}, { ownKeys: () => Array.from({ length: 100_000 }, (_, i) => 'k' + i) }); for (;;) Reflect.ownKeys(p)
// proxy-length: timeout
const p = new Proxy([], { get: (t, k) => (k === 'length' ? 2 ** 53 - 1 : 0) }); Array.prototype.indexOf.call(p, 1)
// proxy-as-prototype: timeout
const o = Object.create(new Proxy({}, { get: () => 1 })); for (;;) o.x
// revoked-proxy: exception
const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy.x
// typed-sort: timeout
const a = new Float64Array(2_000_000).map((_, i) => -i); for (;;) a.sort((x, y) => x - y)
// typed-sort-native: timeout
const a = new Float64Array(2_000_000).map(() => Math.random()); for (;;) { a.sort(); a.reverse() }
// typed-fill: timeout
const a = new Uint8Array(10_000_000); for (;;) a.fill(1)
// typed-join: timeout, memory_limit
const a = new Uint8Array(2_000_000); for (;;) a.join()
// typed-copy: timeout, memory_limit
const a = new Uint8Array(5_000_000); for (;;) a.slice()
// typed-set: timeout
const a = new Uint8Array(5_000_000), b = new Uint16Array(a); for (;;) a.set(b)
// typed-index-of: timeout
const a = new Uint32Array(5_000_000); for (;;) a.indexOf(1)
// data-view: timeout
const v = new DataView(new ArrayBuffer(8)); for (;;) v.setFloat64(0, v.getFloat64(0) + 1)
// array-sort: timeout, memory_limit
const a = Array.from({ length: 300_000 }, (_, i) => 'k' + (i * 7919) % 300_007); for (;;) a.slice().sort()
// array-sort-compare: timeout
[3, 2, 1].sort(() => { for (;;) {} })
// array-sort-lies: timeout
const a = Array.from({ length: 200_000 }, (_, i) => i); for (;;) a.sort(() => (Math.random() < 0.5 ? -1 : 1))
// array-unshift: timeout
const a = new Array(100_000).fill(0); for (;;) { a.unshift(1); a.pop() }
// array-splice: timeout
const a = new Array(200_000).fill(0); for (;;) { a.splice(1, 0, 1); a.splice(1, 1) }
// array-includes: timeout
const a = new Array(1_000_000).fill(0); for (;;) a.includes(1)
// array-flat: timeout, memory_limit
const a = Array.from({ length: 100_000 }, () => [1]); for (;;) a.flat()
// array-to-sorted: timeout, memory_limit
const a = new Array(300_000).fill('x'); for (;;) a.toSorted()
// generator: timeout
function* g() { for (;;) yield 1 } for (const x of g()) {}
// generator-spread: timeout, memory_limit
function* g() { for (;;) yield 1 } return [...g()]
// generator-return: timeout
function* g() { try { yield 1 } finally { for (;;) {} } } const i = g(); i.next(); i.return()
// iterator-never-done: timeout
const i = { [Symbol.iterator]: () => ({ next: () => ({ done: false }) }) }; for (const x of i) {}
// iterator-into-set: timeout, memory_limit
new Set((function* () { for (let i = 0; ; i++) yield i })())
// iterator-array-from: timeout, memory_limit
Array.from((function* () { for (;;) yield 0 })())
// getter-length: timeout
Array.prototype.forEach.call({ get length() { for (;;) {} } }, () => {})
// getter-on-global: timeout
Object.defineProperty(globalThis, 'x', { get() { for (;;) {} } }); return x
// value-of: timeout
return +{ valueOf() { for (;;) {} } }
// symbol-iterator: timeout
const [a] = { [Symbol.iterator]() { for (;;) {} } }
// symbol-replace: timeout
'a'.replace({ [Symbol.replace]() { for (;;) {} } }, '')
// symbol-species: timeout
class A extends Array { static get [Symbol.species]() { for (;;) {} } } new A(1, 2).map((x) => x)
// symbol-to-primitive: timeout
`${{ [Symbol.toPrimitive]() { for (;;) {} } }}`
// symbol-has-instance: timeout
1 instanceof { [Symbol.hasInstance]() { for (;;) {} } }
// symbol-unscopables: timeout, exception
new Function('o', 'with (o) { return x }')({ x: 1, get [Symbol.unscopables]() { for (;;) {} } })
// poisoned-promise: timeout, null, exception, never_settles
Promise.prototype.then = function () { for (;;) {} }; return 1
// poisoned-array: timeout, null
Array.prototype.map = Array.prototype.push = Array.prototype.pop = () => { for (;;) {} }; return [[1]]
// poisoned-json: null, timeout, exception
JSON.stringify = JSON.parse = () => { for (;;) {} }; return null
// poisoned-to-string: timeout, exception, null
Object.prototype.toString = String.prototype.slice = () => { for (;;) {} }; throw new Error('x')
// poisoned-prototype: timeout, null, exception, invalid_response
Object.defineProperty(Object.prototype, 'then', { get() { for (;;) {} } }); return {}
// frozen-world: null, exception
Object.freeze(Object.prototype); Object.freeze(globalThis); return null
// deleted-globals: null, exception
for (const name of Object.getOwnPropertyNames(globalThis)) { try { delete globalThis[name] } catch {} } return null
// kills-host: exception
process.exit(1)
// kills-with-null: exception
null.x
