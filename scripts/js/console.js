// console: each call becomes one line of the run's log, printed as Node prints it.
(function ({ host, load, text }) {
  const counts = new Map();
  const clocks = new Map();
  let indent = '';

  function write(level, message) {
    if (!host.logOpen()) return;
    const line = indent === '' ? message : indent + message.replaceAll('\n', `\n${indent}`);
    host.log(level, text(line.slice(0, host.logRoom())));
  }

  const print = (level) => (...args) => {
    if (!host.logOpen()) return;
    write(level, args.length === 1 && typeof args[0] === 'string' ? args[0] : load('inspect').format(args));
  };

  const log = print('info');
  const warn = print('warn');
  const error = print('error');

  function trace(...args) {
    const place = new Error();
    const title = args.length ? `Trace: ${load('inspect').format(args)}` : 'Trace';
    const frames = host.trace(place.stack);
    write('error', frames ? `${title}\n${frames}` : title);
  }

  function group(...args) {
    if (args.length) log(...args);
    if (indent.length < 80) indent += '  ';
  }

  // ---- console.table

  const cell = (value) => load('inspect').inspect(value, { depth: typeof value === 'object' && value !== null ? 0 : 1 });

  function render(head, rows) {
    const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)) + 2);
    const rule = (left, cross, right) => left + widths.map((width) => '─'.repeat(width)).join(cross) + right;
    const centre = (value, width) => {
      const left = Math.floor((width - value.length) / 2);
      return ' '.repeat(left) + value + ' '.repeat(width - value.length - left);
    };
    const line = (row) => `│${row.map((value, column) => centre(value, widths[column])).join('│')}│`;
    return [rule('┌', '┬', '┐'), line(head), rule('├', '┼', '┤'), ...rows.map(line), rule('└', '┴', '┘')].join('\n');
  }

  function table(data, columns) {
    if (typeof data !== 'object' || data === null) return log(data);
    const names = [];
    const known = new Set();
    const records = [];
    let values = false;
    const entries = data instanceof Map || data instanceof Set ? [...data.values()].entries() : Object.entries(data);
    for (const [index, row] of entries) {
      const fields = typeof row === 'object' && row !== null ? row : undefined;
      if (fields) {
        for (const name of Object.keys(fields)) if (!known.has(name)) { known.add(name); names.push(name); }
      } else values = true;
      records.push([String(index), fields, row]);
      if (records.length >= 1000) break;
    }
    const shown = Array.isArray(columns) ? columns.map(String) : names;
    const head = ['(index)', ...shown, ...(values ? ['Values'] : [])];
    const rows = records.map(([index, fields, row]) => [
      index,
      ...shown.map((name) => (fields && Object.hasOwn(fields, name) ? cell(fields[name]) : '')),
      ...(values ? [fields ? '' : cell(row)] : []),
    ]);
    write('info', render(head, rows));
  }

  // ---- counters and clocks

  function elapsed(label) {
    const ms = performance.now() - clocks.get(label);
    return ms >= 1000 ? `${(ms / 1000).toFixed(3)}s` : `${ms.toFixed(3)}ms`;
  }

  function timeLog(label = 'default', ...args) {
    const name = String(label);
    if (!clocks.has(name)) return warn(`No such label '${name}' for console.timeLog()`);
    log(`${name}: ${elapsed(name)}`, ...args);
  }

  return {
    debug: print('debug'),
    log,
    info: log,
    warn,
    error,
    trace,
    table,
    group,
    groupCollapsed: group,
    groupEnd() { indent = indent.slice(2); },
    dir(value, options) { write('info', load('inspect').inspect(value, { ...options, customInspect: false })); },
    assert(condition, ...args) {
      if (condition) return;
      if (typeof args[0] === 'string') args[0] = `Assertion failed: ${args[0]}`;
      else args.unshift('Assertion failed');
      warn(...args);
    },
    count(label = 'default') {
      const name = String(label);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      log(`${name}: ${counts.get(name)}`);
    },
    countReset(label = 'default') { counts.delete(String(label)); },
    time(label = 'default') { clocks.set(String(label), performance.now()); },
    timeLog,
    timeEnd(label = 'default') { timeLog(label); clocks.delete(String(label)); },
  };
})
