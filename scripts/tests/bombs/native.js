// join-nothing: timeout, memory_limit, exception
new Array(4294967295).join('x')
// join-empty: timeout, memory_limit
new Array(4294967295).join('')
// reverse-sparse: timeout
Array.prototype.reverse.call({ length: 2 ** 53 - 1 })
// index-of-sparse: timeout
Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)
// last-index-of-sparse: timeout
Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1)
// includes-sparse: timeout
Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)
// find-sparse: timeout
Array.prototype.find.call({ length: 2 ** 53 - 1 }, () => false)
// for-each-sparse: timeout
Array.prototype.forEach.call({ length: 2 ** 53 - 1 }, () => {})
// every-sparse: timeout
Array.prototype.every.call({ length: 2 ** 53 - 1 }, () => true)
// reduce-sparse: timeout
Array.prototype.reduce.call({ length: 2 ** 53 - 1 }, (a) => a, 0)
// fill-sparse: timeout, memory_limit
Array.prototype.fill.call({ length: 2 ** 53 - 1 }, 0)
// copy-within-sparse: timeout
Array.prototype.copyWithin.call({ length: 2 ** 53 - 1 }, 0, 1000)
// sort-sparse: timeout, memory_limit, exception
Array.prototype.sort.call({ length: 2 ** 53 - 1 })
// splice-sparse: timeout, memory_limit, exception
Array.prototype.splice.call({ length: 2 ** 53 - 1 }, 0, 0, 1)
// unshift-sparse: timeout, memory_limit, exception
Array.prototype.unshift.call({ length: 2 ** 40 }, 1)
// shift-sparse: timeout
Array.prototype.shift.call({ length: 2 ** 53 - 1 })
// slice-sparse: timeout, memory_limit, exception
Array.prototype.slice.call({ length: 2 ** 32 - 1 })
// concat-sparse: timeout, memory_limit, exception
const a = { length: 2 ** 32 - 2, [Symbol.isConcatSpreadable]: true }; [].concat(a)
// flat-sparse: timeout
Array.prototype.flat.call({ length: 2 ** 53 - 1 })
// array-from-length: timeout, memory_limit, exception
Array.from({ length: 2 ** 32 - 1 })
// apply-long: timeout, stack_overflow, memory_limit, exception
Math.max.apply(null, { length: 60_000_000 })
// apply-many: timeout, stack_overflow, memory_limit, exception
Math.max(...new Array(10_000_000).fill(1))
// index-of-quadratic: timeout
const s = 'a'.repeat(2_000_000); for (;;) s.indexOf('a'.repeat(1_000_000) + 'b')
// index-of-once: timeout, null
'a'.repeat(8_000_000).indexOf('a'.repeat(4_000_000) + 'b')
// normalize: timeout, memory_limit
for (;;) 'e\u0301'.repeat(1_000_000).normalize('NFC')
// replace-all: timeout, memory_limit, response_too_large
return 'a'.repeat(4_000_000).replaceAll('a', 'bb').length > 0 && 'x'.repeat(5_000_000).replaceAll('', '-').replaceAll('-', '++')
// locale-compare: timeout
const a = 'é'.repeat(100_000); for (;;) a.localeCompare(a + 'b')
// to-upper: timeout, memory_limit
const a = 'ß'.repeat(2_000_000); for (;;) a.toUpperCase()
// split-chars: timeout, memory_limit
for (;;) 'x'.repeat(3_000_000).split('')
// encode-uri: timeout, memory_limit
for (;;) encodeURIComponent('é'.repeat(500_000))
// parse-float: timeout
const s = '1'.repeat(10_000_000); for (;;) parseFloat(s)
// number-of-string: timeout
const s = '9'.repeat(2_000_000) + 'e-5'; for (;;) Number(s)
// to-fixed: timeout
for (;;) (1.23e20).toFixed(100) + (1 / 3).toPrecision(100)
// string-raw: timeout, memory_limit, exception
String.raw({ raw: { length: 2 ** 31 } })
// object-entries: timeout, memory_limit
const o = {}; for (let i = 0; i < 200_000; i++) o['k' + i] = i; for (;;) Object.entries(o)
// object-assign: timeout, memory_limit
const o = {}; for (let i = 0; i < 50_000; i++) o['k' + i] = i; for (;;) Object.assign({}, o)
// from-entries: timeout, memory_limit
function* pairs() { for (let i = 0; ; i++) yield [i % 1000, i] } Object.fromEntries(pairs())
// group-by: timeout, memory_limit
function* all() { for (;;) yield 1 } Object.groupBy(all(), () => 'x')
// iterator-helpers: timeout
function* all() { for (;;) yield 1 } all().filter(() => false).next()
// set-union: timeout, memory_limit
const a = new Set(Array.from({ length: 300_000 }, (_, i) => i)); for (;;) a.union(new Set([1]))
// random-bytes: timeout
for (;;) crypto.getRandomValues(new Uint8Array(65_536))
// url-parse: timeout
for (;;) new URL('http://x.test/' + 'a/../'.repeat(10_000))
// form-parse: timeout, memory_limit
for (;;) new URLSearchParams('a=b&'.repeat(100_000))
// clone-deep: timeout, memory_limit
const a = Array.from({ length: 100_000 }, (_, i) => ({ i })); for (;;) structuredClone(a)
// text-encode: timeout, memory_limit
const t = 'é'.repeat(2_000_000); for (;;) new TextEncoder().encode(t)
// inspect-wide: timeout, memory_limit, null
for (let i = 0; i < 50; i++) console.log(Array.from({ length: 100 }, () => Array.from({ length: 100 }, () => ({ a: { b: {} } }))))
