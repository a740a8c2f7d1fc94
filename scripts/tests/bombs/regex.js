// nested-plus: timeout
/^(a+)+$/.test('a'.repeat(50) + 'b')
// alternation: timeout
/^(a|a)*$/.test('a'.repeat(50) + 'b')
// nested-star: timeout
/^(([a-z])+.)+[A-Z]([a-z])+$/.test('a'.repeat(60))
// dot-star-chain: timeout
/.*.*.*.*.*.*.*=x/.test('x'.repeat(3000))
// backreference: timeout
/^(a*)*\1b/.test('a'.repeat(40))
// lookahead: timeout
/^(?=(a+)+b)/.test('a'.repeat(50))
// lookbehind: timeout, null
/(?<=(a+)+b)c/.test('a'.repeat(50) + 'c')
// quantifier: timeout, exception
new RegExp('(a?){40}a{40}').test('a'.repeat(40)) || new RegExp('^(a{1,30}){1,30}$').test('a'.repeat(300) + 'b')
// replace: timeout
'a'.repeat(60).replace(/(a+)+$(?!)/g, '') + /(x+x+)+y/.test('x'.repeat(60))
// sticky: timeout
for (;;) /a+/y.exec('a'.repeat(100_000))
// split: timeout, memory_limit
for (;;) 'ab'.repeat(100_000).split(/(a|b)/)
// match-all: timeout, memory_limit
for (;;) [...'ab'.repeat(50_000).matchAll(/./g)]
// unicode: timeout
/^(\p{L}+)+$/u.test('é'.repeat(50) + '!')
// case-insensitive: timeout
/^(é+)+$/iu.test('É'.repeat(50) + '!')
// compile-many: timeout, memory_limit
for (let i = 0; ; i++) new RegExp('(?:a|b|c){1,500}' + i)
// compile-huge: exception, timeout, memory_limit, null
new RegExp('a{1,65535}'.repeat(1000)); return null
