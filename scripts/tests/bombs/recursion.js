// plain: stack_overflow
const f = (n) => f(n + 1) + 1; return f(0)
// asynchronous: stack_overflow
const f = async (n) => (await f(n + 1)) + 1; return f(0)
// mutual: stack_overflow
const a = () => b() + 1, b = () => a() + 1; return a()
// through-apply: stack_overflow
function f() { return f.apply(this, [1, 2, 3]) + 1 } return f()
// through-bind: stack_overflow, timeout, memory_limit
let f = () => 1; for (let i = 0; i < 1e6; i++) f = f.bind(null); return f()
// through-map: stack_overflow
return [1].map(function f() { return [1].map(f) })
// through-sort: stack_overflow
return [2, 1].sort(function f() { return [2, 1].sort(f).length })
// through-replace: stack_overflow
return 'a'.replace(/a/, function f() { return 'a'.replace(/a/, f) })
// through-reviver: stack_overflow
return JSON.parse('[1]', function f() { return JSON.parse('[1]', f) })
// through-to-json: stack_overflow
return JSON.stringify({ toJSON() { return JSON.stringify(this) } })
// through-to-string: stack_overflow
const o = { toString() { return `${o}` } }; return `${o}`
// through-getter: stack_overflow
const o = { get a() { return o.a } }; return o.a
// through-setter: stack_overflow
const o = { set a(v) { o.a = v } }; o.a = 1
// through-proxy: stack_overflow
const p = new Proxy({}, { get: (t, k) => p[k] }); return p.x
// proxy-chain: stack_overflow, timeout
let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return p.x
// prototype-chain: timeout, null, exception, stack_overflow
let o = {}; for (let i = 0; i < 1e6; i++) o = Object.create(o); for (let i = 0; i < 1e6; i++) o.missing
// through-construct: stack_overflow
class A { constructor() { new A() } } new A()
// through-static: stack_overflow
const make = () => class { static x = make() }; make()
// through-generator: stack_overflow, memory_limit
function* g() { yield* g() } g().next()
// through-iterator: stack_overflow
const it = { [Symbol.iterator]() { return [...it] } }; [...it]
// through-promise-thenable: timeout, memory_limit, never_settles
const t = { then(r) { r(t) } }; await t
// deep-array-json: stack_overflow
let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return JSON.stringify(a)
// deep-array-result: stack_overflow
let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a
// deep-parse: stack_overflow
return JSON.parse('['.repeat(1e6))
// deep-eval: stack_overflow, exception
return eval('['.repeat(1e5) + ']'.repeat(1e5))
// deep-parens: stack_overflow, exception
return eval('('.repeat(1e5) + '1' + ')'.repeat(1e5))
// deep-unary: stack_overflow, exception, null
return eval('-+'.repeat(2e5) + '1') && null
// deep-regex: stack_overflow, exception, null
return new RegExp('('.repeat(1e5) + 'a' + ')'.repeat(1e5)).test('a') && null
// deep-flat: stack_overflow
let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a.flat(Infinity)
// deep-to-string: stack_overflow
let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return String(a)
// deep-clone: stack_overflow, exception
let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return structuredClone(a) && null
// deep-log: null, stack_overflow
let a = []; for (let i = 0; i < 1e5; i++) a = [a]; console.log(a); return null
// deep-rope: null, stack_overflow, memory_limit
let s = ''; for (let i = 0; i < 3e5; i++) s = i + s; return s.length > 0 ? null : s
// deep-free: null, timeout, memory_limit
let a = null; for (let i = 0; i < 2e5; i++) a = { a }; return null
// error-cause: stack_overflow, exception, response_too_large
let e = new Error('x'); for (let i = 0; i < 1e5; i++) e = new Error('x', { cause: e }); throw e
// instanceof-recursion: stack_overflow
class A { static [Symbol.hasInstance](x) { return x instanceof A } } return 1 instanceof A
// to-primitive: stack_overflow
const o = { [Symbol.toPrimitive]() { return o + 1 } }; return o + 1
// species: stack_overflow
class A extends Array { static get [Symbol.species]() { return new A(1).map((x) => x) } } new A(1).map((x) => x)
