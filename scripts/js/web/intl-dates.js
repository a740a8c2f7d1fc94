// Intl.DateTimeFormat: English in two orders (month first, day first), real time zones from the host.
(function ({ native }) {
  const zonesNative = native('zones');
  const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
  const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
  const DATE = ['weekday', 'year', 'month', 'day'];
  const TIME = ['dayPeriod', 'hour', 'minute', 'second', 'fractionalSecondDigits'];
  const STYLES = {
    full: { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' },
    long: { year: 'numeric', month: 'long', day: 'numeric' },
    medium: { year: 'numeric', month: 'short', day: 'numeric' },
    short: { year: '2-digit', month: 'numeric', day: 'numeric' },
  };
  // English that writes the month first and twelve hours; all other English writes the day first and 24.
  const MONTH_FIRST = /^(en(-US|-PH|-u-.*)?$|(?!en))/;
  const TWELVE = /^(en(-US|-CA|-AU|-NZ|-IN|-PH|-u-.*)?$|(?!en))/;
  const AMERICAN = /^[ECMP][SD]T$|^AK[SD]T$|^HST$/;

  const two = (number) => String(number).padStart(2, '0');
  const named = (style, name) => ({ long: name, short: name.slice(0, 3), narrow: name[0] })[style];

  function zoneOf(name) {
    if (name === undefined) return 'UTC';
    const offset = /^([+-])(\d\d):?(\d\d)?$/.exec(String(name));
    if (offset) return `${offset[1]}${offset[2]}:${offset[3] ?? '00'}`;
    const zone = zonesNative.zone(String(name));
    if (zone === undefined) throw new RangeError(`Invalid time zone specified: ${name}`);
    return ['UTC', 'Etc/UTC', 'Etc/GMT', 'GMT', 'Etc/UCT', 'Zulu'].includes(zone) ? 'UTC' : zone;
  }

  // [seconds east of UTC, abbreviation]
  function offsetOf(zone, ms) {
    if (zone === 'UTC') return [0, 'UTC'];
    const fixed = /^([+-])(\d\d):(\d\d)$/.exec(zone);
    if (fixed) return [(fixed[1] === '-' ? -1 : 1) * (fixed[2] * 3600 + fixed[3] * 60), ''];
    return zonesNative.zoneAt(zone, ms);
  }

  function gmt(seconds, long) {
    if (seconds === 0) return 'GMT';
    const minutes = Math.round(Math.abs(seconds) / 60);
    const [hour, minute] = [Math.floor(minutes / 60), minutes % 60];
    const sign = seconds < 0 ? '-' : '+';
    return long ? `GMT${sign}${two(hour)}:${two(minute)}` : `GMT${sign}${hour}${minute ? `:${two(minute)}` : ''}`;
  }

  function zoneName(style, zone, ms) {
    const [seconds, short] = offsetOf(zone, ms);
    if (zone === 'UTC' && !style.endsWith('Offset')) return style === 'long' ? 'Coordinated Universal Time' : 'UTC';
    if (style === 'short' && AMERICAN.test(short)) return short;
    return gmt(seconds, style === 'long' || style === 'longOffset');
  }

  function settled(locale, given, required, defaults) {
    const options = {};
    for (const name of [...DATE, ...TIME, 'era', 'timeZoneName', 'dateStyle', 'timeStyle']) if (given[name] !== undefined) options[name] = given[name];
    const styled = options.dateStyle !== undefined || options.timeStyle !== undefined;
    if (styled && [...DATE, ...TIME].some((name) => options[name] !== undefined)) {
      throw new TypeError('dateStyle and timeStyle cannot be used together with single fields');
    }
    if (options.dateStyle) Object.assign(options, STYLES[options.dateStyle]);
    if (options.dateStyle === 'short' && !MONTH_FIRST.test(locale)) Object.assign(options, { year: 'numeric', month: '2-digit', day: '2-digit' });
    if (options.timeStyle) {
      Object.assign(options, { hour: 'numeric', minute: '2-digit' }, options.timeStyle === 'short' ? {} : { second: '2-digit' });
      if (options.timeStyle === 'full' || options.timeStyle === 'long') options.timeZoneName = options.timeStyle === 'full' ? 'long' : 'short';
    }
    const asked = [...(required === 'time' ? [] : DATE), ...(required === 'date' ? [] : TIME)];
    if (!styled && !asked.some((name) => options[name] !== undefined)) {
      if (defaults !== 'time') Object.assign(options, { year: 'numeric', month: 'numeric', day: 'numeric' });
      if (defaults !== 'date') Object.assign(options, { hour: 'numeric', minute: '2-digit', second: '2-digit' });
    }
    return options;
  }

  // ---- parts

  function dateParts(options, locale, fields) {
    const { weekday, year, month, day } = options;
    const textual = ['long', 'short', 'narrow'].includes(month);
    const first = MONTH_FIRST.test(locale);
    const wide = !first && !textual && year && month && day;
    const number = (style, value) => (style === '2-digit' || wide ? two(value % 100) : String(value));
    const shown = {
      year: year && { type: 'year', value: year === '2-digit' ? two(fields.year % 100) : String(fields.year < 1 ? 1 - fields.year : fields.year) },
      month: month && { type: 'month', value: textual ? named(month, MONTHS[fields.month]) : number(month, fields.month + 1) },
      day: day && { type: 'day', value: number(day, fields.day) },
    };
    const order = (first ? ['month', 'day', 'year'] : ['day', 'month', 'year']).filter((name) => shown[name]);
    const parts = [];
    order.forEach((name, at) => {
      if (at > 0) parts.push({ type: 'literal', value: !textual ? '/' : first && name === 'year' && day ? ', ' : ' ' });
      parts.push(shown[name]);
    });
    if (!weekday) return parts;
    const head = { type: 'weekday', value: named(weekday, DAYS[fields.weekday]) };
    const gap = !first && textual && weekday === 'short' ? ' ' : ', ';
    return parts.length ? [head, { type: 'literal', value: gap === ' ' && year ? ', ' : gap }, ...parts] : [head];
  }

  function timeParts(options, twelve, fields) {
    const parts = [];
    const add = (type, value, gap = ':') => { if (parts.length) parts.push({ type: 'literal', value: gap }); parts.push({ type, value }); };
    if (options.hour) {
      const hour = twelve ? fields.hour % 12 || 12 : fields.hour;
      add('hour', options.hour === '2-digit' || !twelve ? two(hour) : String(hour));
    }
    if (options.minute) add('minute', options.hour || options.second || options.minute === '2-digit' ? two(fields.minute) : String(fields.minute));
    if (options.second) add('second', options.minute || options.second === '2-digit' ? two(fields.second) : String(fields.second));
    if (options.fractionalSecondDigits) add('fractionalSecond', String(fields.millisecond).padStart(3, '0').slice(0, options.fractionalSecondDigits), '.');
    if (twelve && options.hour) add('dayPeriod', fields.hour < 12 ? 'AM' : 'PM', ' ');
    return parts;
  }

  function fieldsOf(zone, ms) {
    const local = new Date(ms + offsetOf(zone, ms)[0] * 1000);
    return {
      year: local.getUTCFullYear(), month: local.getUTCMonth(), day: local.getUTCDate(), weekday: local.getUTCDay(),
      hour: local.getUTCHours(), minute: local.getUTCMinutes(), second: local.getUTCSeconds(), millisecond: local.getUTCMilliseconds(),
    };
  }

  class DateTimeFormat {
    #locale;
    #zone;
    #options;
    #twelve;

    constructor(locale, given = {}, required = 'any', defaults = 'date') {
      this.#locale = locale;
      this.#zone = zoneOf(given?.timeZone);
      this.#options = settled(locale, given ?? {}, required, defaults);
      const cycle = given?.hour12 === undefined ? given?.hourCycle ?? (/-u-.*hc-(h\d\d)/.exec(locale)?.[1]) : given.hour12 ? 'h12' : 'h23';
      this.#twelve = cycle ? cycle === 'h12' || cycle === 'h11' : TWELVE.test(locale);
      Object.defineProperty(this, 'format', { value: (date) => this.formatToParts(date).map(({ value }) => value).join(''), configurable: true, writable: true });
    }
    formatToParts(date) {
      const ms = date === undefined ? Date.now() : Number(date);
      if (!(Math.abs(ms) <= 8.64e15)) throw new RangeError('Invalid time value');
      const options = this.#options;
      const fields = fieldsOf(this.#zone, ms);
      const parts = dateParts(options, this.#locale, fields);
      if (options.era) parts.push(...(parts.length ? [{ type: 'literal', value: ' ' }] : []), { type: 'era', value: fields.year < 1 ? 'BC' : 'AD' });
      const time = timeParts(options, this.#twelve, fields);
      if (parts.length && time.length) {
        const formal = options.dateStyle ? ['full', 'long'].includes(options.dateStyle) : options.month === 'long' && MONTH_FIRST.test(this.#locale);
        parts.push({ type: 'literal', value: formal ? ' at ' : ', ' });
      }
      parts.push(...time);
      if (options.timeZoneName) {
        if (parts.length) parts.push({ type: 'literal', value: time.length ? ' ' : ', ' });
        parts.push({ type: 'timeZoneName', value: zoneName(options.timeZoneName, this.#zone, ms) });
      }
      return parts;
    }
    formatRange(from, to) { return `${this.format(from)} – ${this.format(to)}`; }
    formatRangeToParts(from, to) {
      const marked = (parts, source) => parts.map((part) => ({ ...part, source }));
      return [...marked(this.formatToParts(from), 'startRange'), { type: 'literal', value: ' – ', source: 'shared' }, ...marked(this.formatToParts(to), 'endRange')];
    }
    resolvedOptions() {
      const { dateStyle, timeStyle, ...fields } = this.#options;
      return {
        locale: this.#locale, calendar: 'gregory', numberingSystem: 'latn', timeZone: this.#zone,
        ...(fields.hour || timeStyle ? { hourCycle: this.#twelve ? 'h12' : 'h23', hour12: this.#twelve } : {}),
        ...(dateStyle || timeStyle ? { ...(dateStyle && { dateStyle }), ...(timeStyle && { timeStyle }) } : fields),
      };
    }
    get [Symbol.toStringTag]() { return 'Intl.DateTimeFormat'; }
  }

  return { DateTimeFormat };
})
