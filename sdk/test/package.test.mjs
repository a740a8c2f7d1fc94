// What is published: small, without dependencies, complete, and typed.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'

const root = new URL('../', import.meta.url)
const read = path => readFileSync(new URL(path, root))
const manifest = JSON.parse(read('package.json'))

test('the core has at most 2 KiB, compressed', t => {
  for (const file of ['dist/index.js', 'dist/tidegate.js']) {
    const bytes = gzipSync(read(file), { level: 9 }).length
    t.diagnostic(`${file}: ${bytes} bytes`)
    assert.ok(bytes <= 2_048, `${file} has ${bytes} bytes`)
  }
})

test('it depends on nothing', () => {
  for (const kind of ['dependencies', 'peerDependencies', 'optionalDependencies']) assert.equal(manifest[kind], undefined)
  const lock = JSON.parse(read('package-lock.json'))
  for (const [path, entry] of Object.entries(lock.packages)) {
    assert.ok(path === '' || entry.dev, path)
    assert.equal(entry.resolved, undefined, `${path}: the lock names no registry`)
  }
})

test('everything that is exported is published', () => {
  const packed = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: fileURLToPath(root), encoding: 'utf8' }))
  const files = packed[0].files.map(file => `./${file.path}`)
  const targets = Object.values(manifest.exports).flatMap(target => typeof target === 'string' ? [target] : Object.values(target))
  for (const target of [...targets, manifest.unpkg, './README.md']) assert.ok(files.includes(target), target)
  assert.ok(files.every(file => file.startsWith('./dist/') || ['./package.json', './README.md'].includes(file)), `${files}`)
})

test('the scripts for pages set one global', () => {
  const page = { TextEncoder, AbortController, setTimeout, clearTimeout, console }
  runInNewContext(read('dist/tidegate.js'), page)
  assert.deepEqual(Object.keys(page.Tidegate).sort(), ['TidegateError', 'createClient'])
  runInNewContext(read('dist/tidegate.experience.js'), page)
  assert.deepEqual(Object.keys(page.Tidegate).sort(), ['TidegateError', 'attach', 'createClient', 'createUv', 'hash', 'hashKey'])
})

test('the declarations say what may be called, and what not', () => {
  const tsc = fileURLToPath(new URL('node_modules/typescript/bin/tsc', root))
  execFileSync(process.execPath, [tsc, '--noEmit', '-p', fileURLToPath(new URL('test/tsconfig.json', root))], { encoding: 'utf8', stdio: 'pipe' })
})
