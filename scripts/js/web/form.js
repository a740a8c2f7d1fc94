// FormData, and its forms on the wire: multipart/form-data, and urlencoded when it is read.
(function ({ host, load, text }) {
  const { Blob, File, bytesOf } = load('web/blob');
  const { joined } = load('web/encoding');

  function entry(name, value, filename) {
    if (!(value instanceof Blob)) return [String(name), String(value)];
    if (value instanceof File && filename === undefined) return [String(name), value];
    return [String(name), new File([value], filename ?? value.name ?? 'blob', { type: value.type, lastModified: value.lastModified })];
  }

  class FormData {
    #list = [];
    append(name, value, filename) { this.#list.push(entry(name, value, filename)); }
    set(name, value, filename) {
      const made = entry(name, value, filename);
      const at = this.#list.findIndex(([known]) => known === made[0]);
      if (at < 0) this.#list.push(made);
      else this.#list = this.#list.filter(([known], index) => known !== made[0] || index === at).map((pair) => (pair[0] === made[0] ? made : pair));
    }
    get(name) { return this.#list.find(([known]) => known === String(name))?.[1] ?? null; }
    getAll(name) { return this.#list.filter(([known]) => known === String(name)).map(([, value]) => value); }
    has(name) { return this.#list.some(([known]) => known === String(name)); }
    delete(name) { this.#list = this.#list.filter(([known]) => known !== String(name)); }
    forEach(callback, self) { for (const [name, value] of this) callback.call(self, value, name, this); }
    *entries() { for (const [name, value] of this.#list) yield [name, value]; }
    *keys() { for (const [name] of this.#list) yield name; }
    *values() { for (const [, value] of this.#list) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    get [Symbol.toStringTag]() { return 'FormData'; }
  }

  // ---- writing

  const quoted = (name) => name.replace(/\r\n|\r|\n/g, '%0D%0A').replace(/"/g, '%22');
  const crlf = (value) => value.replace(/\r\n|\r|\n/g, '\r\n');

  function print(form) {
    const boundary = `----formdata-${host.randomBytes(12).toHex()}`;
    const bytes = (string) => host.utf8(text(string));
    const parts = [];
    for (const [name, value] of form) {
      const head = `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"`;
      if (typeof value === 'string') parts.push(bytes(`${head}\r\n\r\n${crlf(value)}\r\n`));
      else {
        parts.push(bytes(`${head}; filename="${quoted(value.name)}"\r\nContent-Type: ${value.type || 'application/octet-stream'}\r\n\r\n`));
        parts.push(bytesOf(value), bytes('\r\n'));
      }
    }
    parts.push(bytes(`--${boundary}--\r\n`));
    return { bytes: joined(parts), type: `multipart/form-data; boundary=${boundary}` };
  }

  // ---- reading

  function read(bytes, type) {
    if (/^application\/x-www-form-urlencoded\b/i.test(type)) {
      const form = new FormData();
      for (const [name, value] of new URLSearchParams(host.decode(bytes, false))) form.append(name, value);
      return form;
    }
    const boundary = /^multipart\/form-data\b.*?;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(type);
    if (!boundary) throw new TypeError(`formData: the content type is ${type || 'missing'}; it must be multipart/form-data or urlencoded`);
    return readParts(bytes, boundary[1] ?? boundary[2]);
  }

  function readParts(bytes, boundary) {
    const form = new FormData();
    const whole = host.latin1(bytes);
    for (const part of whole.split(`--${boundary}`).slice(1, -1)) {
      const end = part.indexOf('\r\n\r\n');
      if (end < 0) throw new TypeError('formData: a part has no end of its headers');
      const [head, body] = [part.slice(0, end), part.slice(end + 4, -2)].map((latin1) => Uint8Array.from(latin1, (one) => one.charCodeAt(0)));
      const headers = host.decode(head, false);
      const name = /\bname="([^"]*)"/i.exec(headers)?.[1];
      const filename = /\bfilename="([^"]*)"/i.exec(headers)?.[1];
      if (name === undefined) throw new TypeError('formData: a part has no name');
      const type = /^content-type:\s*(.+)$/im.exec(headers)?.[1]?.trim() ?? 'text/plain';
      if (filename === undefined) form.append(name, host.decode(body, false));
      else form.append(name, new File([body], filename, { type }));
    }
    return form;
  }

  return { FormData, print, read };
})
