// Builds dist/: an ES module for each entry, and two scripts for pages without a bundler. `tsc` adds the declarations.
import { copyFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = fileURLToPath(new URL('.', import.meta.url))
const shared = { absWorkingDir: here, bundle: true, minify: true, sourcemap: true, target: 'es2020', legalComments: 'none', logLevel: 'warning' }

rmSync(new URL('dist', import.meta.url), { recursive: true, force: true })
await build({ ...shared, format: 'esm', outdir: 'dist', entryPoints: ['src/index.ts', 'src/experience.ts', 'src/hash.ts'] })
await build({ ...shared, format: 'iife', globalName: 'Tidegate', outfile: 'dist/tidegate.js', entryPoints: ['src/index.ts'] })
await build({ ...shared, format: 'iife', globalName: 'Tidegate', outfile: 'dist/tidegate.experience.js', entryPoints: ['src/page.ts'] })
copyFileSync(new URL('../LICENSE', import.meta.url), new URL('dist/LICENSE', import.meta.url))
