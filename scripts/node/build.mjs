// Builds dist/: each npm package as one source of the runtime's prelude, and the licences of all that went into them.
import { build } from 'esbuild';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;
const dist = join(here, 'dist');
const packages = ['buffer', 'events', 'path-browserify', 'punycode', 'readable-stream', 'string_decoder', 'url', 'web-streams-polyfill'];
// What the runtime itself answers for: a package that requires one of these gets the runtime's, not a second copy.
const builtins = ['buffer', 'events', 'punycode', 'process', 'stream', 'string_decoder', 'url', 'util'];

// `require` stays a call, which the prelude's own `require` answers.
const runtime = {
  name: 'runtime',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z_]+\/?$/ }, ({ path, kind }) => {
      const name = path.replace(/\/$/, '');
      if (kind === 'entry-point' || !builtins.includes(name)) return undefined;
      return { path: name, external: true };
    });
    // Its own global answers for it.
    onResolve({ filter: /^abort-controller$/ }, () => ({ path: 'abort-controller', namespace: 'global' }));
    onLoad({ filter: /.*/, namespace: 'global' }, () => ({ contents: 'module.exports = { AbortController, AbortSignal }' }));
    // `url` uses it for plain query strings only, and Node's own `url` uses `querystring`.
    onResolve({ filter: /^qs$/ }, () => ({ path: 'querystring', external: true }));
  },
};

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
const used = new Set();
for (const name of packages) {
  const { outputFiles, metafile } = await build({
    entryPoints: [entryOf(name)],
    bundle: true,
    write: false,
    metafile: true,
    format: 'cjs',
    platform: 'neutral',
    mainFields: ['main'],
    conditions: ['require'],
    target: 'es2023',
    minifySyntax: true,
    minifyWhitespace: true,
    charset: 'utf8',
    define: { 'process.env.NODE_ENV': '"production"', 'process.env.READABLE_STREAM': '"enable"' },
    plugins: [runtime],
    absWorkingDir: here,
    logLevel: 'warning',
  });
  const head = '(function (internal) { const { require } = internal; const module = { exports: {} }; let { exports } = module;\n';
  writeFileSync(join(dist, `${name}.js`), `${head}${outputFiles[0].text}\nreturn module.exports; })\n`);
  for (const input of Object.keys(metafile.inputs)) {
    const owner = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1];
    if (owner) used.add(owner);
  }
}
writeFileSync(join(dist, 'NOTICE'), [...used].sort().map(notice).join('\n'));

// The file that Node would load; `readable-stream` has another one without Node's own streams.
function entryOf(name) {
  const { main = 'index.js' } = JSON.parse(readFileSync(join(here, 'node_modules', name, 'package.json'), 'utf8'));
  return join(here, 'node_modules', name, name === 'readable-stream' ? 'lib/ours/browser.js' : main);
}

function notice(name) {
  const folder = join(here, 'node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? readFileSync(join(folder, file), 'utf8').trim() : '';
  return `${'-'.repeat(80)}\n${name} ${version} (${license})\n\n${text}\n`;
}
