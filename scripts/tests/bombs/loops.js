// while-true: timeout
while (true) {}
// for-ever-catching: timeout
for (;;) { try { for (;;) {} } catch {} }
// finally-continues: timeout
for (;;) { try { await null; for (;;) {} } finally { continue }  }
// catch-recursion: timeout
const f = () => { try { f() } catch { f() } }; for (;;) f()
// empty-do: timeout
do {} while (1)
// labelled: timeout
outer: for (;;) { for (;;) continue outer }
// counting: timeout
let n = 0; for (;;) n = (n + 1) | 0
// floats: timeout
let x = 1.1; for (;;) x = x * 1.0000001 % 7
// switch: timeout
let state = 0; for (;;) switch (state) { case 0: state = 1; break; default: state = 0 }
// throwing: timeout
for (;;) { try { throw new Error('again') } catch (error) { error.stack } }
// closures: timeout
for (;;) (() => () => () => 1)()()()
// eval-loop: timeout
for (;;) eval('1 + 1')
// function-constructor: timeout
for (;;) new Function('a', 'return a')(1)
// dates: timeout
for (;;) new Date().toISOString()
// math: timeout
for (;;) Math.sin(Math.random())
// spread-calls: timeout
const f = (...a) => a.length; const a = [1, 2, 3]; for (;;) f(...a)
// destructuring: timeout
for (;;) { const { a, b: [c, ...d] } = { a: 1, b: [1, 2, 3] } }
// class-construction: timeout
class A { #x = 1; get x() { return this.#x } } class B extends A {} for (;;) new B().x
// instanceof: timeout
class A {} const a = new A(); for (;;) a instanceof A
// delete-and-add: timeout
const o = {}; for (let i = 0; ; i++) { o['k' + i % 100] = 1; delete o['k' + (i + 50) % 100] }
// map-churn: timeout
const m = new Map(); for (let i = 0; ; i++) { m.set(i, i); m.delete(i - 10) }
// weakrefs: timeout, memory_limit
for (;;) new WeakRef({})
// top-level-spin: timeout
return eval('for (;;) {}')
