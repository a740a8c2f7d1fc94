// Blob and File: bytes in memory.
(function ({ host, load, text, define }) {
  const { view, joined } = load('web/encoding');
  const contents = new WeakMap();
  const EMPTY = new Uint8Array(0);

  function part(value, endings) {
    const known = typeof value === 'object' && value !== null ? contents.get(value) : undefined;
    if (known) return known;
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return view(value).slice();
    const string = String(value);
    return host.utf8(text(endings === 'native' ? string.replace(/\r\n?/g, '\n') : string));
  }

  class Blob {
    constructor(parts = [], options = {}) {
      if (typeof parts !== 'object' || parts === null || typeof parts[Symbol.iterator] !== 'function') {
        throw new TypeError('Blob: pass a list of strings, buffers or blobs');
      }
      const bytes = [...parts].map((value) => part(value, options?.endings));
      contents.set(this, bytes.length ? joined(bytes) : EMPTY);
      const type = String(options?.type ?? '');
      define(this, 'type', /[^\x20-\x7e]/.test(type) ? '' : type.toLowerCase());
    }
    get size() { return contents.get(this).length; }
    async text() { return host.decode(contents.get(this), false); }
    async bytes() { return contents.get(this).slice(); }
    async arrayBuffer() { return contents.get(this).slice().buffer; }
    slice(start, end, type = '') { return new Blob([contents.get(this).slice(start, end)], { type }); }
    stream() {
      const bytes = contents.get(this);
      return new ReadableStream({ start(controller) { if (bytes.length) controller.enqueue(bytes.slice()); controller.close(); } });
    }
    get [Symbol.toStringTag]() { return 'Blob'; }
    [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
      return `${this.constructor.name} ${inspect({ size: this.size, type: this.type })}`;
    }
  }

  class File extends Blob {
    constructor(parts, name, options = {}) {
      if (arguments.length < 2) throw new TypeError('File: pass the parts and the name');
      super(parts, options);
      define(this, 'name', String(name));
      define(this, 'lastModified', Number(options?.lastModified ?? Date.now()));
    }
    get webkitRelativePath() { return ''; }
    get [Symbol.toStringTag]() { return 'File'; }
  }

  return { Blob, File, bytesOf: (blob) => contents.get(blob) };
})
