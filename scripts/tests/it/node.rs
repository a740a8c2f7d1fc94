//! Node's modules: results are those of Node 20.

use crate::modules::check;

#[test]
fn buffers() {
    check(&[
        (
            "return ['utf8', 'hex', 'base64', 'base64url', 'latin1', 'ucs2'].map((encoding) => [Buffer.from('é€?', encoding === 'hex' || encoding.startsWith('base64') ? 'utf8' : encoding).toString(encoding), Buffer.byteLength('é€?', encoding)])",
            r#"[["é€?",6],["c3a9e282ac3f",1],["w6nigqw/",2],["w6nigqw_",2],["é¬?",3],["é€?",6]]"#,
        ),
        (
            "return ['_-8', 'aGk', 'aGk=', ' a G k = rest', 'aGl'].map((text) => Buffer.from(text, 'base64').toString('hex'))",
            r#"["ffef","6869","6869","6869","6869"]"#,
        ),
        (
            "const b = Buffer.alloc(8); b.writeUInt32BE(0xdeadbeef, 0); b.writeDoubleLE; b.write('hi', 4); return [b.toString('hex'), b.readUint16BE(1), b.subarray(4, 6).toString(), Buffer.concat([b, Buffer.from([1])]).length, b.equals(Buffer.from(b)), JSON.stringify(Buffer.from('a')), b.indexOf('i'), Buffer.compare(Buffer.from('a'), Buffer.from('b'))]",
            r#"["deadbeef68690000",44478,"hi",9,true,"{\"type\":\"Buffer\",\"data\":[97]}",5,-1]"#,
        ),
    ]);
}

#[test]
fn events_and_streams() {
    check(&[
        (
            "const { once, on, EventEmitter } = require('events'); const e = new EventEmitter(); setTimeout(() => e.emit('x', 1, 2), 1); const first = await once(e, 'x'); setTimeout(() => { e.emit('y', 3); e.emit('y', 4) }, 1); const seen = []; for await (const [v] of on(e, 'y')) { seen.push(v); if (v === 4) break } setTimeout(() => e.emit('error', new Error('no')), 1); return [first, seen, await once(e, 'x').catch((error) => error.message)]",
            r#"[[1,2],[3,4],"no"]"#,
        ),
        ("new (require('events'))().emit('error', new RangeError('nobody listens'))", "RangeError: nobody listens"),
        (
            "const { pipeline, Readable, Transform } = require('stream'); const out = []; await require('util').promisify(pipeline)(Readable.from(['a', 'b']), new Transform({ transform(chunk, _, done) { done(null, String(chunk).toUpperCase()) } }), async function (source) { for await (const chunk of source) out.push(String(chunk)) }); return [out.join(''), await require('stream/consumers').text(Readable.from(['x', 'y']))]",
            r#"["AB","xy"]"#,
        ),
        (
            "const { Readable } = require('stream'); const web = Readable.toWeb(Readable.from([Buffer.from('ab'), Buffer.from('cd')])); return await new Response(web).text()",
            r#""abcd""#,
        ),
        (
            "process.nextTick(() => { throw new TypeError('in a callback') }); await new Promise((done) => setTimeout(done, 50))",
            "TypeError: in a callback",
        ),
    ]);
}

#[test]
fn web_streams_forms_and_events() {
    check(&[
        (
            "const t = new TransformStream({ transform(chunk, controller) { controller.enqueue(chunk * 2) } }); const w = t.writable.getWriter(); w.write(1); w.write(2); w.close(); const out = []; for await (const chunk of t.readable) out.push(chunk); return out",
            "[2,4]",
        ),
        (
            "const f = new FormData(); f.append('a', 'é'); f.append('f', new File(['x'], 'a\"b.txt', { type: 'text/x' })); const r = new Response(f); const back = await r.formData(); return [back.get('a'), back.get('f').name, back.get('f').type, await back.get('f').text(), r.headers.get('content-type').startsWith('multipart/form-data; boundary=')]",
            r#"["é","a%22b.txt","text/x","x",true]"#,
        ),
        (
            "const b = new Blob(['ab', new Uint8Array([99])]); return [b.size, await b.slice(1).text(), await new Response(b.stream().pipeThrough(new CompressionStream('gzip')).pipeThrough(new DecompressionStream('gzip'))).text()]",
            r#"[3,"bc","abc"]"#,
        ),
        (
            "const r = new Response('abc'); const c = r.clone(); const reader = r.body.getReader(); const { value } = await reader.read(); return [value.length, await c.text(), await r.text().catch((error) => error.name)]",
            r#"[3,"abc","TypeError"]"#,
        ),
        (
            "const t = new EventTarget(); const seen = []; t.addEventListener('x', (e) => seen.push(e.detail), { once: true }); t.dispatchEvent(new CustomEvent('x', { detail: 1 })); t.dispatchEvent(new CustomEvent('x', { detail: 2 })); const { port1, port2 } = new MessageChannel(); const got = new Promise((done) => { port2.onmessage = ({ data }) => done(data) }); port1.postMessage({ a: [1] }); return [seen, await got]",
            r#"[[1],{"a":[1]}]"#,
        ),
    ]);
}

#[test]
fn paths_urls_and_util() {
    check(&[
        (
            "const path = require('path'); return [path.join('/a', '../b', './c'), path.win32.basename('C:\\\\x\\\\y.txt'), path.extname('a.tar.gz'), require('path/posix').sep]",
            r#"["/b/c","y.txt",".gz","/"]"#,
        ),
        (
            "const url = require('url'); const parsed = url.parse('http://u:p@h.test:81/a?b=c#d', true); return [parsed.host, parsed.auth, parsed.query.b, url.resolve('/one/two', '../three'), url.format({ protocol: 'https', host: 'x.test', pathname: '/y' }), url.fileURLToPath('file:///a%20b')]",
            r##"["h.test:81","u:p","c","/three","https://x.test/y","/a b"]"##,
        ),
        (
            "const qs = require('querystring'); return [qs.stringify({ a: [1, 2], b: 'x y&', c: null }), qs.parse('a=1&a=2&b=x+y%26&c')]",
            r#"["a=1&a=2&b=x%20y%26&c=",{"a":["1","2"],"b":"x y&","c":""}]"#,
        ),
        (
            "const util = require('util'); return [util.format('%s %d %j', 'a', 1, { b: 2 }), util.inspect(new Map([[1, { a: [] }]])), util.isDeepStrictEqual({ a: [1, new Set([2])] }, { a: [1, new Set([2])] }), util.types.isPromise(Promise.resolve()), await util.promisify((x, done) => done(null, x + 1))(1)]",
            r#"["a 1 {\"b\":2}","Map(1) { 1 => { a: [] } }",true,true,2]"#,
        ),
        (
            "const assert = require('assert'); assert.deepStrictEqual({ a: 1 }, { a: 1 }); assert.throws(() => { throw new TypeError('x') }, TypeError); await assert.rejects(Promise.reject(new Error('y')), /y/); try { assert.strictEqual(1, 2) } catch (error) { return [error.code, error.actual] }",
            r#"["ERR_ASSERTION",1]"#,
        ),
    ]);
}

#[test]
fn what_cannot_be_had_says_why() {
    check(&[
        (
            "require('child_process').exec('ls')",
            "Error: child_process.exec is not supported: an integration runs in a jail and cannot start or steer processes (called by integration.js)",
        ),
        (
            "return await new Promise((done) => require('net').connect(80, 'x.test').on('error', (error) => done(error.message)))",
            r#""net.connect is not supported: raw sockets are not available: every request goes through the HTTP gateway""#,
        ),
        (
            "require('http').createServer()",
            "Error: http.createServer is not supported: an integration is called by its trigger; for requests from outside use an http trigger",
        ),
        (
            "return await require('fs/promises').readFile('/etc/passwd').catch((error) => [error.code, error.message])",
            r#"["ENOENT","ENOENT: no such file or directory, open '/etc/passwd'"]"#,
        ),
        ("require('fs').writeFileSync('/a', '')", "Error: EROFS: read-only file system, open '/a'"),
        (
            "process.exit(1)",
            "Error: process.exit is not supported: return from the handler, or throw an error to fail the run",
        ),
        ("return await require('dns/promises').lookup('x.test').catch((error) => error.code)", r#""EREFUSED""#),
        (
            "return [Object.keys(process.env).length, process.versions.node.split('.')[0], process.cwd()]",
            r#"[0,"20","/integration"]"#,
        ),
        (
            "new (require('vm').Script)('1')",
            "Error: vm.Script is not supported: code that is made at run time cannot be isolated further (called by integration.js)",
        ),
    ]);
}

#[test]
fn asynchronous_contexts_follow_what_they_can() {
    check(&[
        (
            "const { AsyncLocalStorage } = require('async_hooks'); const als = new AsyncLocalStorage(); const seen = []; const p = als.run(1, async () => { seen.push(als.getStore()); await null; seen.push(als.getStore()); await new Promise((done) => setTimeout(done, 1)); seen.push(als.getStore()); setTimeout(() => seen.push(als.getStore()), 1) }); seen.push(als.getStore() ?? 'none'); await p; await new Promise((done) => setTimeout(done, 5)); seen.push(als.getStore() ?? 'none'); return seen",
            r#"[1,"none",1,1,1,"none"]"#,
        ),
        (
            "const { AsyncLocalStorage } = require('async_hooks'); const als = new AsyncLocalStorage(); const ask = (n) => als.run(n, () => new Promise((done) => setTimeout(() => done(als.getStore()), 3 - n)).then(() => als.getStore())); return await Promise.all([ask(1), ask(2)])",
            "[1,2]",
        ),
    ]);
}

#[test]
fn modules_are_imported_by_name() {
    let mut engine = crate::engine::Engine::start();
    let code = "import { createHash, randomUUID as id } from 'node:crypto';\nimport fs, { existsSync } from 'fs';\nimport * as path from 'path';\nexport default async () => { const { gunzipSync } = await import('zlib'); return [createHash('md5').update('a').digest('hex'), id().length, fs.existsSync === existsSync, path.basename('/x/y'), typeof gunzipSync] }";
    assert_eq!(engine.run(code).ok(), r#"["0cc175b9c0f1b6a831c399e269772661",36,true,"y","function"]"#);
    let refused = engine.run("import { a } from './other.js';\nexport default a");
    assert_eq!(refused.error().code, "module_not_found");
    engine.stop().unwrap();
}

#[test]
fn a_run_that_needs_what_cannot_be_had_has_its_own_code() {
    let mut engine = crate::engine::Engine::start();
    let ran = engine.run("module.exports = () => require('child_process').execSync('ls')");
    assert_eq!(ran.error().code, "unsupported_builtin");
    engine.stop().unwrap();
}
