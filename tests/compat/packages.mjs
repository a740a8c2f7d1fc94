// The npm packages that tests install, so that tests need no internet:
//
//   node tests/compat/packages.mjs lock    resolves every tests/compat/*/package.json into lock.json, with npm
//   node tests/compat/packages.mjs fetch   downloads what lock.json lists into npm's cache in target/compat/npm
//
// The tests' own registry (tests/it/support/registry.rs) serves lock.json and that cache; the product checks every hash.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const lockFile = join(here, 'lock.json')
const cache = join(here, '../../target/compat/npm')
const AT_ONCE = 40

const npm = (args, cwd) => execFileSync('npm', args, { cwd, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' })
const read = (file) => JSON.parse(readFileSync(file, 'utf8'))
const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)))

// What an installer needs to know of a version.
function facts (entry) {
  const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta, integrity } = entry
  return { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta, dist: { integrity } }
}

function resolved (packageFile) {
  const folder = mkdtempSync(join(tmpdir(), 'compat-'))
  try {
    const { dependencies, overrides } = read(packageFile)
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies, overrides }))
    npm(['install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund'], folder)
    return Object.entries(read(join(folder, 'package-lock.json')).packages)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function lock () {
  const all = {}
  const folders = readdirSync(here, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  for (const { name: folder } of folders) {
    const packageFile = join(here, folder, 'package.json')
    if (!existsSync(packageFile)) continue
    for (const [path, entry] of resolved(packageFile)) {
      if (path === '' || entry.optional || entry.inBundle || !entry.integrity) continue
      const name = entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
      all[name] ??= {}
      all[name][entry.version] = facts(entry)
    }
  }
  for (const name of Object.keys(all)) all[name] = sorted(all[name])
  writeFileSync(lockFile, JSON.stringify(sorted(all), null, 1) + '\n')
}

// Where npm's cache keeps the bytes of a hash.
function content (integrity) {
  const hex = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex')
  return join(cache, '_cacache/content-v2/sha512', hex.slice(0, 2), hex.slice(2, 4), hex.slice(4))
}

function fetch () {
  const registry = npm(['config', 'get', 'registry'], here).trim().replace(/\/?$/, '/')
  const missing = []
  for (const [name, versions] of Object.entries(read(lockFile))) {
    for (const [version, { dist }] of Object.entries(versions)) {
      if (existsSync(content(dist.integrity))) continue
      missing.push({ dist, url: `${registry}${name}/-/${name.slice(name.indexOf('/') + 1)}-${version}.tgz` })
    }
  }
  mkdirSync(cache, { recursive: true })
  for (let n = 0; n < missing.length; n += AT_ONCE) {
    npm(['cache', 'add', '--cache', cache, ...missing.slice(n, n + AT_ONCE).map(({ url }) => url)], here)
  }
  const wrong = missing.find(({ dist }) => !existsSync(content(dist.integrity)))
  if (wrong) throw new Error(`${wrong.url} does not have the hash that lock.json says`)
}

const command = { lock, fetch }[process.argv[2]]
if (!command) throw new Error('say lock or fetch')
command()
