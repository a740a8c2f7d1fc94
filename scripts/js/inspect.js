// Values as Node prints them: inspect(value) and the % formats of console.log.
(function ({ host, stringify }) {
  const CUSTOM = Symbol.for('nodejs.util.inspect.custom');
  const WIDTH = 80;
  const COMPACT = 3;
  const ITEMS = 100;
  const STRING = 10_000;
  const BUDGET = 1 << 20;
  const IDENTIFIER = /^[a-zA-Z_][a-zA-Z_0-9]*$/;
  const TypedArray = Object.getPrototypeOf(Uint8Array);
  const textOf = Function.prototype.toString;

  const settings = (options) => ({
    depth: options?.depth === undefined ? 2 : options.depth === null ? Infinity : options.depth,
    hidden: options?.showHidden === true,
    custom: options?.customInspect !== false,
    level: 0,
    indent: 0,
    spent: 0,
    ancestors: [],
    circular: new Map(),
  });

  // ---- primitives

  const ESCAPES = { '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r', '\\': '\\\\' };

  function quote(value) {
    const mark = !value.includes("'") ? "'" : !value.includes('"') ? '"' : !value.includes('`') && !value.includes('${') ? '`' : "'";
    const inner = value.replace(/[\x00-\x1f\x7f-\x9f\\']|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, (found) => {
      if (found === "'") return mark === "'" ? "\\'" : found;
      if (ESCAPES[found]) return ESCAPES[found];
      const code = found.charCodeAt(0);
      return code < 256 ? `\\x${code.toString(16).toUpperCase().padStart(2, '0')}` : `\\u${code.toString(16)}`;
    });
    return mark + inner + mark;
  }

  function string(ctx, value) {
    let rest = '';
    let shown = value;
    if (value.length > STRING) {
      const more = value.length - STRING;
      shown = value.slice(0, STRING);
      rest = `... ${more} more character${more > 1 ? 's' : ''}`;
    }
    if (shown.length > 16 && shown.length > WIDTH - ctx.indent - 4) {
      const lines = shown.split(/(?<=\n)/);
      return lines.map(quote).join(` +\n${' '.repeat(ctx.indent + 2)}`) + rest;
    }
    return quote(shown) + rest;
  }

  const number = (value) => (Object.is(value, -0) ? '-0' : `${value}`);

  function primitive(ctx, value) {
    switch (typeof value) {
      case 'string': return string(ctx, value);
      case 'number': return number(value);
      case 'bigint': return `${value}n`;
      case 'symbol': return value.toString();
      default: return `${value}`;
    }
  }

  // ---- names of things

  function constructorName(value) {
    for (let at = value; at !== null && at !== undefined; at = Object.getPrototypeOf(at)) {
      const found = Object.getOwnPropertyDescriptor(at, 'constructor');
      if (found !== undefined && typeof found.value === 'function' && found.value.name !== '' && isInstance(value, found.value)) {
        return found.value.name;
      }
    }
    return null;
  }

  function isInstance(value, constructor) {
    try { return value instanceof constructor; } catch { return false; }
  }

  function tagOf(value, constructor) {
    const tag = value[Symbol.toStringTag];
    const own = Object.prototype.propertyIsEnumerable.call(value, Symbol.toStringTag);
    return typeof tag === 'string' && tag !== '' && tag !== constructor && !own ? tag : '';
  }

  function prefix(constructor, tag, fallback, size = '') {
    const name = constructor === null ? `[${fallback}${size}: null prototype]` : `${constructor}${size}`;
    return tag !== '' && constructor !== tag ? `${name} [${tag}] ` : `${name} `;
  }

  function functionBase(value, constructor, tag) {
    const source = textOf.call(value);
    if (source.startsWith('class') && source.endsWith('}')) {
      const parent = Object.getPrototypeOf(value);
      const own = Object.hasOwn(value, 'name') && value.name !== '' ? value.name : '(anonymous)';
      return `[class ${own}${parent !== Function.prototype && parent?.name ? ` extends ${parent.name}` : parent === null ? ' extends null' : ''}]`;
    }
    const kind = Object.prototype.toString.call(value).slice(8, -1);
    const type = ['AsyncFunction', 'GeneratorFunction', 'AsyncGeneratorFunction'].includes(kind) ? kind : 'Function';
    let base = `[${type}`;
    if (constructor === null) base += ' (null prototype)';
    base += value.name === '' || typeof value.name !== 'string' ? ' (anonymous)' : `: ${value.name}`;
    base += ']';
    if (constructor !== type && constructor !== null) base += ` ${constructor}`;
    if (tag !== '' && constructor !== tag && tag !== type) base += ` [${tag}]`;
    return base;
  }

  // ---- errors

  function errorHead(value) {
    let name;
    let message;
    try { ({ name, message } = value); } catch { /* hostile getters print as nothing */ }
    const constructor = constructorName(value);
    let title = typeof name === 'string' && name !== '' ? name : 'Error';
    if (constructor && constructor !== title && title === 'Error' && constructor.includes('Error')) title = constructor;
    return message === undefined || message === '' ? title : `${title}: ${message}`;
  }

  function errorBase(ctx, value, keys) {
    for (const name of ['name', 'message', 'stack']) {
      const at = keys.indexOf(name);
      if (at >= 0) keys.splice(at, 1);
    }
    for (const name of ['cause', 'errors']) {
      if (Object.hasOwn(value, name) && !keys.includes(name)) keys.push(name);
    }
    let stack;
    try { stack = value.stack; } catch { /* hostile getters print as nothing */ }
    const frames = typeof stack === 'string' ? host.trace(stack) : '';
    const head = errorHead(value);
    if (frames === '') return `[${head}]`;
    const whole = `${head}\n${frames}`;
    return ctx.indent === 0 ? whole : whole.replaceAll('\n', `\n${' '.repeat(ctx.indent)}`);
  }

  // ---- properties

  function keysOf(ctx, value) {
    const symbols = Object.getOwnPropertySymbols(value);
    if (ctx.hidden) return [...Object.getOwnPropertyNames(value), ...symbols];
    const shown = symbols.filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
    return [...Object.keys(value), ...shown];
  }

  function key(ctx, name, enumerable) {
    if (typeof name === 'symbol') return `[${name.toString()}]`;
    if (name === '__proto__') return "['__proto__']";
    if (!enumerable) return `[${name}]`;
    return IDENTIFIER.test(name) ? name : quote(name);
  }

  function property(ctx, holder, name, item) {
    const found = Object.getOwnPropertyDescriptor(holder, name) ?? { value: holder[name], enumerable: true };
    let shown;
    if (found.value !== undefined || 'value' in found) {
      ctx.indent += 2;
      shown = format(ctx, found.value);
      ctx.indent -= 2;
    } else if (found.get !== undefined) shown = found.set !== undefined ? '[Getter/Setter]' : '[Getter]';
    else shown = found.set !== undefined ? '[Setter]' : 'undefined';
    return item ? shown : `${key(ctx, name, found.enumerable)}: ${shown}`;
  }

  const more = (left) => `... ${left} more item${left > 1 ? 's' : ''}`;

  function arrayItems(ctx, value) {
    const out = [];
    let index = 0;
    while (index < value.length && out.length < ITEMS) {
      if (Object.hasOwn(value, index)) { out.push(property(ctx, value, index, true)); index += 1; continue; }
      const next = holeEnd(value, index);
      const gap = next - index;
      out.push(`<${gap} empty item${gap > 1 ? 's' : ''}>`);
      index = next;
    }
    if (index < value.length) out.push(more(value.length - index));
    return out;
  }

  const isIndex = (name) => typeof name === 'string' && /^(0|[1-9][0-9]{0,9})$/.test(name) && Number(name) < 2 ** 32 - 1;

  // The first index after `from` that is filled: by the list of keys, as a sparse array may be billions long.
  function holeEnd(value, from) {
    for (const name of Object.keys(value)) {
      if (!isIndex(name)) break;
      if (Number(name) > from) return Number(name);
    }
    return value.length;
  }

  function typedItems(ctx, value) {
    const shown = Math.min(ITEMS, value.length);
    const out = [];
    for (let index = 0; index < shown; index++) out.push(primitive(ctx, value[index]));
    if (value.length > shown) out.push(more(value.length - shown));
    return out;
  }

  function collection(ctx, size, entries, print) {
    const out = [];
    ctx.indent += 2;
    for (const entry of entries) {
      if (out.length >= ITEMS) { out.push(more(size - ITEMS)); break; }
      out.push(print(entry));
    }
    ctx.indent -= 2;
    return out;
  }

  const setItems = (ctx, value) => collection(ctx, value.size, Set.prototype.values.call(value), (item) => format(ctx, item));
  const mapItems = (ctx, value) =>
    collection(ctx, value.size, Map.prototype.entries.call(value), ([name, item]) => `${format(ctx, name)} => ${format(ctx, item)}`);

  function bufferItems(ctx, value) {
    const bytes = new Uint8Array(value, 0, Math.min(50, value.byteLength));
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const left = value.byteLength - bytes.length;
    const rest = left > 0 ? ` ... ${left} more byte${left > 1 ? 's' : ''}` : '';
    return [`[Uint8Contents]: <${hex}${rest}>`, `byteLength: ${value.byteLength}`];
  }

  function promiseItems(ctx, value) {
    const [state, result] = host.promise(value);
    if (state === 'pending') return ['<pending>'];
    ctx.indent += 2;
    const shown = format(ctx, result);
    ctx.indent -= 2;
    return [state === 'rejected' ? `<rejected> ${shown}` : shown];
  }

  // ---- which shape a value has: { open, close, base, items, array }

  function boxed(ctx, value, constructor, keys) {
    const inner = value.valueOf();
    const type = Object.prototype.toString.call(value).slice(8, -1);
    if (type === 'String') keys.splice(0, value.length);
    const head = constructor === type ? type : `${type} (${constructor ?? 'null prototype'})`;
    return `[${head}: ${type === 'String' ? quote(inner) : primitive(ctx, inner)}]`;
  }

  function listShape(ctx, value, constructor, tag) {
    if (Array.isArray(value)) {
      const named = constructor !== 'Array' || tag !== '' ? prefix(constructor, tag, 'Array', `(${value.length})`) : '';
      return { open: `${named}[`, close: ']', array: true, items: () => arrayItems(ctx, value), indexed: true };
    }
    if (value instanceof Set) return { open: `${prefix(constructor, tag, 'Set', `(${value.size})`)}{`, close: '}', items: () => setItems(ctx, value) };
    if (value instanceof Map) return { open: `${prefix(constructor, tag, 'Map', `(${value.size})`)}{`, close: '}', items: () => mapItems(ctx, value) };
    if (value instanceof TypedArray) {
      const name = value[Symbol.toStringTag] ?? 'TypedArray';
      const named = prefix(constructor, tag, name, `(${value.length})`);
      return { open: `${named}[`, close: ']', array: true, items: () => typedItems(ctx, value), indexed: true };
    }
    return undefined;
  }

  function exotic(ctx, value, constructor, tag, keys) {
    const type = Object.prototype.toString.call(value).slice(8, -1);
    if (typeof value === 'function') return { base: functionBase(value, constructor, tag) };
    if (value instanceof RegExp) return { base: RegExp.prototype.toString.call(value) };
    if (value instanceof Date) return { base: Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString() };
    if (value instanceof Error) return { base: errorBase(ctx, value, keys) };
    if (value instanceof Promise) return { open: `${prefix(constructor, tag, 'Promise')}{`, items: () => promiseItems(ctx, value) };
    if (value instanceof ArrayBuffer) return { open: `${prefix(constructor, tag, 'ArrayBuffer')}{`, items: () => bufferItems(ctx, value) };
    if (value instanceof WeakSet || value instanceof WeakMap) return { open: `${prefix(constructor, tag, type)}{`, items: () => ['<items unknown>'] };
    if (value instanceof Number || value instanceof String || value instanceof Boolean || value instanceof BigInt || value instanceof Symbol) {
      return { base: boxed(ctx, value, constructor, keys) };
    }
    if (type === 'Arguments') return { open: '[Arguments] {' };
    return undefined;
  }

  function shape(ctx, value, keys) {
    const constructor = constructorName(value);
    const tag = tagOf(value, constructor);
    const found = listShape(ctx, value, constructor, tag) ?? exotic(ctx, value, constructor, tag, keys);
    if (found) return { close: '}', open: '{', items: () => [], ...found, constructor, tag };
    const plain = constructor === 'Object' && tag === '';
    return { open: plain ? '{' : `${prefix(constructor, tag, 'Object')}{`, close: '}', items: () => [], plain: true, constructor, tag };
  }

  // ---- putting the pieces on one line, in columns, or on lines of their own

  function columns(ctx, out, value) {
    let length = out.length;
    if (out.length > ITEMS && value.length > ITEMS) length -= 1;
    const widths = [];
    let total = 0;
    let longest = 0;
    for (let index = 0; index < length; index++) {
      widths.push(out[index].length);
      total += out[index].length + 2;
      longest = Math.max(longest, out[index].length);
    }
    const widest = longest + 2;
    if (widest * 3 + ctx.indent >= WIDTH || !(total / widest > 5 || longest <= 6)) return out;
    const bias = Math.sqrt(widest - total / out.length);
    const biased = Math.max(widest - 3 - bias, 1);
    const across = Math.min(
      Math.round(Math.sqrt(2.5 * biased * length) / biased),
      Math.floor((WIDTH - ctx.indent) / widest),
      COMPACT * 4,
      15,
    );
    if (across <= 1) return out;
    const wide = [];
    for (let column = 0; column < across; column++) {
      let most = 0;
      for (let index = column; index < length; index += across) most = Math.max(most, widths[index]);
      wide.push(most + 2);
    }
    const numeric = Array.prototype.every.call(value.slice ? value.slice(0, length) : value, (item) => typeof item === 'number' || typeof item === 'bigint');
    const rows = [];
    for (let start = 0; start < length; start += across) {
      const end = Math.min(start + across, length);
      let row = '';
      for (let index = start; index < end - 1; index++) {
        const cell = `${out[index]}, `;
        row += numeric ? cell.padStart(wide[index - start]) : cell.padEnd(wide[index - start]);
      }
      row += numeric ? out[end - 1].padStart(wide[end - 1 - start] - 2) : out[end - 1];
      rows.push(row);
    }
    if (length < out.length) rows.push(out[length]);
    return rows;
  }

  function fits(ctx, out, start, base) {
    let total = out.length + start;
    if (total + out.length > WIDTH) return false;
    for (const piece of out) {
      total += piece.length;
      if (total > WIDTH) return false;
    }
    return base === '' || !base.includes('\n');
  }

  function assemble(ctx, pieces, base, form, level, value) {
    const lead = base ? `${base} ` : '';
    const out = form.array && pieces.length > 6 ? columns(ctx, pieces, value) : pieces;
    if (ctx.level - level < COMPACT && out.length === pieces.length) {
      const start = out.length + ctx.indent + form.open.length + base.length + 10;
      if (fits(ctx, out, start, base)) {
        const joined = out.join(', ');
        if (!joined.includes('\n')) return `${lead}${form.open} ${joined} ${form.close}`;
      }
    }
    const edge = `\n${' '.repeat(ctx.indent)}`;
    return `${lead}${form.open}${edge}  ${out.join(`,${edge}  `)}${edge}${form.close}`;
  }

  // ---- the recursion

  function tooDeep(form, value) {
    if (Array.isArray(value) && form.constructor === 'Array') return '[Array]';
    if (form.constructor === null) return '[Object: null prototype]';
    return `[${form.tag !== '' ? `${form.constructor} [${form.tag}]` : form.constructor}]`;
  }

  function object(ctx, value, level) {
    const keys = keysOf(ctx, value);
    const form = shape(ctx, value, keys);
    const base = form.base ?? '';
    const names = form.indexed ? keys.filter((name) => !isIndex(name)) : keys;
    if (form.base !== undefined && (names.length === 0 || (ctx.hidden && typeof value === 'function' && level > ctx.depth))) return base;
    const empty = names.length === 0 && ((form.indexed && value.length === 0) || form.plain);
    if (empty) return `${form.open}${form.close}`;
    if (level > ctx.depth) return tooDeep(form, value);
    ctx.ancestors.push(value);
    ctx.level = level;
    const pieces = form.items();
    for (const name of names) pieces.push(property(ctx, value, name, false));
    ctx.ancestors.pop();
    const index = ctx.circular.get(value);
    const mark = index === undefined ? '' : `<ref *${index}> `;
    if (pieces.length === 0) return form.base !== undefined ? mark + base : `${mark}${form.open}${form.close}`;
    if (mark !== '' && base === '') form.open = mark + form.open;
    return assemble(ctx, pieces, mark !== '' && base !== '' ? mark + base : base, form, level, value);
  }

  function custom(ctx, value, level) {
    const print = value[CUSTOM];
    if (typeof print !== 'function' || print === inspect) return undefined;
    const depth = ctx.depth - level;
    const shown = print.call(value, depth, { depth, showHidden: ctx.hidden }, inspect);
    if (shown === value) return undefined;
    if (typeof shown !== 'object') return `${shown}`.replaceAll('\n', `\n${' '.repeat(ctx.indent)}`);
    return format(ctx, shown);
  }

  function format(ctx, value) {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) {
      const shown = primitive(ctx, value);
      ctx.spent += shown.length;
      return shown;
    }
    if (ctx.custom) {
      const shown = custom(ctx, value, ctx.ancestors.length);
      if (shown !== undefined) return shown;
    }
    if (ctx.ancestors.includes(value)) {
      if (!ctx.circular.has(value)) ctx.circular.set(value, ctx.circular.size + 1);
      return `[Circular *${ctx.circular.get(value)}]`;
    }
    if (ctx.spent > BUDGET) ctx.depth = -1;
    const shown = object(ctx, value, ctx.ancestors.length);
    ctx.spent += shown.length;
    return shown;
  }

  function inspect(value, options) {
    return format(settings(options), value);
  }

  // ---- % formats

  function hasOwnText(value) {
    for (let at = value; at !== null; at = Object.getPrototypeOf(at)) {
      if (Object.hasOwn(at, 'toString')) {
        const maker = Object.getOwnPropertyDescriptor(at, 'constructor')?.value;
        return !(typeof maker === 'function' && textOf.call(maker).includes('[native code]'));
      }
    }
    return false;
  }

  function asString(value) {
    if (typeof value === 'number') return number(value);
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value !== 'object' || value === null || hasOwnText(value)) return String(value);
    return inspect(value, { depth: 0 });
  }

  function asJson(value) {
    try { return `${stringify(value)}`; } catch (error) {
      if (/circular|cyclic/i.test(String(error?.message))) return '[Circular]';
      throw error;
    }
  }

  const asNumber = (value, convert) => {
    if (typeof value === 'bigint') return `${value}n`;
    return typeof value === 'symbol' ? 'NaN' : number(convert(value));
  };

  const whole = (value) => (typeof value === 'object' && value !== null ? NaN : Number.parseInt(value, 10));
  const full = (value) => (typeof value === 'object' && value !== null ? NaN : Number(value));

  const FORMATS = {
    s: asString,
    d: (value) => asNumber(value, full),
    i: (value) => asNumber(value, whole),
    f: (value) => (typeof value === 'symbol' ? 'NaN' : number(Number.parseFloat(value))),
    j: asJson,
    o: (value) => inspect(value, { showHidden: true, depth: 4 }),
    O: (value) => inspect(value),
    c: () => '',
  };

  function formatAll(args) {
    let rest = 0;
    let out = '';
    if (typeof args[0] === 'string') {
      rest = 1;
      out = args.length === 1 ? args[0] : args[0].replace(/%([sdifjoOc%])/g, (found, letter) => {
        if (letter === '%') return '%';
        if (rest >= args.length) return found;
        return FORMATS[letter](args[rest++]);
      });
    }
    const parts = args.slice(rest).map((value) => (typeof value === 'string' ? value : inspect(value)));
    return rest === 0 ? parts.join(' ') : [out, ...parts].join(' ');
  }

  return { inspect, format: formatAll };
})
