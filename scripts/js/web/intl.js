// A small Intl for English; other locales are taken and answered in English.
(function ({ native, load, define }) {
  const zonesNative = native('zones');
  const { DateTimeFormat: Dates } = load('web/intl-dates');
  const SYMBOLS = { USD: '$', EUR: '€', GBP: '£', JPY: '¥', INR: '₹', CNY: 'CN¥', KRW: '₩', AUD: 'A$', CAD: 'CA$', NZD: 'NZ$', MXN: 'MX$', BRL: 'R$', ILS: '₪', VND: '₫', TWD: 'NT$', HKD: 'HK$', PHP: '₱', XAF: 'FCFA', XOF: 'F CFA' };
  const MONEY = { USD: 'US dollars', EUR: 'euros', GBP: 'British pounds', JPY: 'Japanese yen', CHF: 'Swiss francs', INR: 'Indian rupees', CAD: 'Canadian dollars', AUD: 'Australian dollars' };
  const NO_CENTS = new Set(['BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF']);
  const UNITS = { kilometer: 'km', meter: 'm', centimeter: 'cm', millimeter: 'mm', mile: 'mi', foot: 'ft', inch: 'in', kilogram: 'kg', gram: 'g', pound: 'lb', ounce: 'oz', liter: 'L', milliliter: 'mL', byte: 'byte', kilobyte: 'kB', megabyte: 'MB', gigabyte: 'GB', terabyte: 'TB', bit: 'bit', celsius: '°C', fahrenheit: '°F', percent: '%', second: 'sec', minute: 'min', hour: 'hr', day: 'day', week: 'wk', month: 'mth', year: 'yr', millisecond: 'ms', degree: 'deg' };
  const COMPACT = [[1e12, 'T', 'trillion'], [1e9, 'B', 'billion'], [1e6, 'M', 'million'], [1e3, 'K', 'thousand']];

  // ---- locales

  function canonical(tag) {
    const text = typeof tag === 'object' && tag !== null ? String(tag) : tag;
    if (typeof text !== 'string') throw new TypeError('Incorrect locale information provided');
    if (!/^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$/.test(text) || text.includes('_')) throw new RangeError('Incorrect locale information provided');
    let extension = false;
    return text.split('-').map((part, at) => {
      if (part.length === 1) extension = true;
      if (at === 0 || extension) return part.toLowerCase();
      if (part.length === 2) return part.toUpperCase();
      return part.length === 4 ? part[0].toUpperCase() + part.slice(1).toLowerCase() : part.toLowerCase();
    }).join('-');
  }
  const list = (locales) => (locales === undefined ? [] : [...new Set((Array.isArray(locales) ? locales : [locales]).map(canonical))]);
  const pick = (locales) => list(locales)[0] ?? 'en-US';

  // ---- numbers

  // Digits of a decimal text, rounded half away from zero to a number of places.
  function rounded(text, places) {
    const [whole, fraction = ''] = text.split('.');
    if (fraction.length <= places) return [whole, fraction];
    const up = fraction[places] >= '5' ? 1n : 0n;
    const digits = (BigInt(whole + fraction.slice(0, places)) + up).toString().padStart(places + 1, '0');
    return places === 0 ? [digits, ''] : [digits.slice(0, -places), digits.slice(-places)];
  }

  function plain(number) {
    const text = String(number);
    if (!text.includes('e')) return text;
    const [mantissa, exponent] = text.split('e');
    const [whole, fraction = ''] = mantissa.split('.');
    const shift = Number(exponent);
    if (shift >= 0) return (whole + fraction.padEnd(shift, '0')).replace(new RegExp(`^(\\d{${whole.length + shift}})(\\d+)$`), '$1.$2');
    return `0.${'0'.repeat(-shift - 1)}${whole}${fraction}`;
  }

  function digits(text, options) {
    const { minimumFractionDigits: least, maximumFractionDigits: most, minimumSignificantDigits: leastAll, maximumSignificantDigits: mostAll } = options;
    if (mostAll === undefined && leastAll === undefined) {
      const [whole, fraction] = rounded(text, most);
      return [whole, fraction.replace(/0+$/, '').padEnd(least, '0')];
    }
    const [whole, fraction = ''] = text.split('.');
    const lead = whole === '0' ? -(/^0*/.exec(fraction)[0].length) : whole.length;
    const places = (mostAll ?? 21) - lead;
    let [shown, rest] = places >= 0 ? rounded(text, places) : [String((BigInt(whole) + 5n * 10n ** BigInt(-places - 1)) / 10n ** BigInt(-places) * 10n ** BigInt(-places)), ''];
    rest = rest.replace(/0+$/, '').padEnd(Math.max(0, (leastAll ?? 1) - lead), '0');
    return [shown, rest];
  }

  class NumberFormat {
    #locale;
    #options;
    constructor(locale, given = {}) {
      this.#locale = locale;
      const options = { style: 'decimal', notation: 'standard', signDisplay: 'auto', useGrouping: true, minimumIntegerDigits: 1, ...given };
      const money = options.style === 'currency';
      if (money && !/^[A-Za-z]{3}$/.test(options.currency ?? '')) throw options.currency === undefined ? new TypeError('Currency code is required with currency style.') : new RangeError(`Invalid currency code : ${options.currency}`);
      if (money) options.currency = options.currency.toUpperCase();
      const cents = money && options.notation !== 'compact' ? (NO_CENTS.has(options.currency) ? 0 : 2) : 0;
      const usual = money ? cents : options.style === 'percent' || options.notation === 'compact' ? 0 : 3;
      options.minimumFractionDigits = given?.minimumFractionDigits ?? Math.min(cents, given?.maximumFractionDigits ?? cents);
      options.maximumFractionDigits = given?.maximumFractionDigits ?? Math.max(options.minimumFractionDigits, usual);
      for (const name of ['minimumFractionDigits', 'maximumFractionDigits']) {
        if (!(options[name] >= 0 && options[name] <= 100)) throw new RangeError(`${name} value is out of range.`);
      }
      if (options.minimumFractionDigits > options.maximumFractionDigits) throw new RangeError('maximumFractionDigits value is out of range.');
      this.#options = options;
      Object.defineProperty(this, 'format', { value: (number) => this.formatToParts(number).map(({ value }) => value).join(''), configurable: true, writable: true });
    }

    formatToParts(given) {
      const options = this.#options;
      const number = typeof given === 'bigint' ? given : Number(given);
      const negative = typeof number === 'bigint' ? number < 0n : number < 0 || Object.is(number, -0);
      const body = this.#body(typeof number === 'bigint' ? (negative ? -number : number) : Math.abs(number));
      const zero = body.every(({ type, value }) => !['integer', 'fraction'].includes(type) || /^0*$/.test(value));
      return this.#dressed(body, this.#sign(negative, zero, options.signDisplay));
    }
    #sign(negative, zero, display) {
      if (display === 'never') return '';
      if (negative && !(zero && ['exceptZero', 'negative'].includes(display))) return '-';
      return display === 'always' || (display === 'exceptZero' && !zero) ? '+' : '';
    }
    #body(absolute) {
      const options = this.#options;
      if (Number.isNaN(absolute)) return [{ type: 'nan', value: 'NaN' }];
      if (absolute === Infinity) return [{ type: 'infinity', value: '∞' }];
      const scaled = options.style === 'percent' ? (typeof absolute === 'bigint' ? absolute * 100n : Number(plain(absolute * 100).slice(0, 24))) : absolute;
      if (options.notation === 'compact') return this.#compact(Number(scaled));
      if (options.notation === 'scientific' || options.notation === 'engineering') return this.#scientific(Number(scaled));
      return this.#digits(plain(scaled), options);
    }
    #digits(text, how) {
      const [whole, fraction] = digits(text, how);
      const padded = whole.padStart(how.minimumIntegerDigits, '0');
      const grouping = how.useGrouping !== false && how.useGrouping !== 'false' && !(how.useGrouping === 'min2' && padded.length < 5);
      const groups = grouping ? padded.replace(/\B(?=(\d{3})+(?!\d))/g, ',').split(',') : [padded];
      const parts = groups.flatMap((value, at) => [...(at ? [{ type: 'group', value: ',' }] : []), { type: 'integer', value }]);
      return fraction ? [...parts, { type: 'decimal', value: '.' }, { type: 'fraction', value: fraction }] : parts;
    }
    #compact(number) {
      const [size, short, long] = COMPACT.find(([least]) => number >= least) ?? [1, '', ''];
      const scaled = number / size;
      const explicit = this.#options.maximumFractionDigits > 0 || this.#options.maximumSignificantDigits !== undefined;
      const how = explicit ? this.#options : { ...this.#options, ...(scaled < 100 ? { maximumSignificantDigits: 2, minimumSignificantDigits: 1 } : {}) };
      const parts = this.#digits(plain(scaled), how);
      if (!short) return parts;
      return this.#options.compactDisplay === 'long' ? [...parts, { type: 'literal', value: ' ' }, { type: 'compact', value: long }] : [...parts, { type: 'compact', value: short }];
    }
    #scientific(number) {
      const step = this.#options.notation === 'engineering' ? 3 : 1;
      const exponent = number === 0 ? 0 : Math.floor(Math.floor(Math.log10(number)) / step) * step;
      const parts = this.#digits(plain(Number((number / 10 ** exponent).toPrecision(15))), this.#options);
      const sign = exponent < 0 ? [{ type: 'exponentMinusSign', value: '-' }] : [];
      return [...parts, { type: 'exponentSeparator', value: 'E' }, ...sign, { type: 'exponentInteger', value: String(Math.abs(exponent)) }];
    }
    #dressed(body, sign) {
      const options = this.#options;
      const signed = sign ? [{ type: sign === '-' ? 'minusSign' : 'plusSign', value: sign }] : [];
      switch (options.style) {
        case 'percent': return [...signed, ...body, { type: 'percentSign', value: '%' }];
        case 'unit': return [...signed, ...body, ...this.#unit(body)];
        case 'currency': break;
        default: return [...signed, ...body];
      }
      if (options.currencyDisplay === 'name') return [...signed, ...body, { type: 'literal', value: ' ' }, { type: 'currency', value: MONEY[options.currency] ?? options.currency }];
      const symbol = options.currencyDisplay === 'code' ? options.currency : SYMBOLS[options.currency] ?? options.currency;
      const shown = options.currencyDisplay === 'narrowSymbol' ? symbol.replace(/^[A-Z]+(?=[$¥])/, '') : symbol;
      const money = [{ type: 'currency', value: shown }, ...(/[A-Z]$/.test(shown) ? [{ type: 'literal', value: '\u00a0' }] : [])];
      if (options.currencySign === 'accounting' && sign === '-') return [{ type: 'literal', value: '(' }, ...money, ...body, { type: 'literal', value: ')' }];
      return [...signed, ...money, ...body];
    }
    #unit(body) {
      const { unit, unitDisplay = 'short' } = this.#options;
      const [of, per] = String(unit).split('-per-');
      if (unitDisplay === 'long') {
        const one = body.length === 1 && body[0].value === '1';
        return [{ type: 'literal', value: ' ' }, { type: 'unit', value: `${of}${one ? '' : 's'}${per ? ` per ${per}` : ''}` }];
      }
      const short = { hour: 'h', second: 's', minute: 'min' };
      const text = per ? `${UNITS[of] ?? of}/${short[per] ?? UNITS[per] ?? per}` : UNITS[of] ?? of;
      const tight = unitDisplay === 'narrow' || /^[°%]/.test(text);
      return [...(tight ? [] : [{ type: 'literal', value: ' ' }]), { type: 'unit', value: text }];
    }
    formatRange(from, to) { return `${this.format(from)}–${this.format(to)}`; }
    resolvedOptions() {
      const { style, currency, notation, signDisplay, minimumIntegerDigits, minimumFractionDigits, maximumFractionDigits } = this.#options;
      return {
        locale: this.#locale, numberingSystem: 'latn', style, ...(currency && style === 'currency' ? { currency, currencyDisplay: 'symbol', currencySign: 'standard' } : {}),
        minimumIntegerDigits, minimumFractionDigits, maximumFractionDigits, useGrouping: 'auto', notation, signDisplay, roundingMode: 'halfExpand', roundingIncrement: 1, trailingZeroDisplay: 'auto', roundingPriority: 'auto',
      };
    }
    get [Symbol.toStringTag]() { return 'Intl.NumberFormat'; }
  }

  // ---- words

  class PluralRules {
    #locale;
    #type;
    constructor(locale, options) { this.#locale = locale; this.#type = options?.type ?? 'cardinal'; }
    select(number) {
      if (this.#type === 'cardinal') return Number(number) === 1 ? 'one' : 'other';
      const [unit, ten] = [number % 10, number % 100];
      if (unit === 1 && ten !== 11) return 'one';
      if (unit === 2 && ten !== 12) return 'two';
      return unit === 3 && ten !== 13 ? 'few' : 'other';
    }
    resolvedOptions() { return { locale: this.#locale, type: this.#type, pluralCategories: this.#type === 'cardinal' ? ['one', 'other'] : ['few', 'one', 'two', 'other'] }; }
  }

  class ListFormat {
    #locale;
    #type;
    #style;
    constructor(locale, options) { this.#locale = locale; this.#type = options?.type ?? 'conjunction'; this.#style = options?.style ?? 'long'; }
    formatToParts(items) {
      const values = [...items];
      const word = this.#type === 'disjunction' ? 'or' : this.#style === 'long' ? 'and' : this.#style === 'short' ? '&' : '';
      const unit = this.#type === 'unit';
      const comma = unit && this.#style === 'narrow' ? ' ' : ', ';
      const last = unit || (word === '' && this.#type === 'conjunction') ? comma : values.length === 2 ? ` ${word} ` : `, ${word} `;
      return values.flatMap((value, at) => [...(at === 0 ? [] : [{ type: 'literal', value: at === values.length - 1 ? last : comma }]), { type: 'element', value: String(value) }]);
    }
    format(items) { return this.formatToParts(items).map(({ value }) => value).join(''); }
    resolvedOptions() { return { locale: this.#locale, type: this.#type, style: this.#style }; }
  }

  const AUTO = { year: 'year', quarter: 'quarter', month: 'month', week: 'week' };
  const SHORT = { second: 'sec.', minute: 'min.', hour: 'hr.', day: 'day', week: 'wk.', month: 'mo.', quarter: 'qtr.', year: 'yr.' };
  class RelativeTimeFormat {
    #locale;
    #options;
    constructor(locale, options) { this.#locale = locale; this.#options = { numeric: 'always', style: 'long', ...options }; }
    format(value, name) {
      const unit = String(name).replace(/s$/, '');
      if (!SHORT[unit]) throw new RangeError(`Invalid unit argument for format() '${name}'`);
      const past = value < 0 || Object.is(value, -0);
      const amount = Math.abs(value);
      if (this.#options.numeric === 'auto' && amount <= 1 && Number.isInteger(amount)) {
        if (unit === 'day') return amount === 0 ? 'today' : past ? 'yesterday' : 'tomorrow';
        if (AUTO[unit]) return `${amount === 0 ? 'this' : past ? 'last' : 'next'} ${this.#options.style === 'long' ? unit : SHORT[unit]}`;
        if (amount === 0) return unit === 'second' ? 'now' : `this ${unit}`;
      }
      const plural = amount === 1 ? '' : 's';
      const word = this.#options.style === 'long' || unit === 'day' ? `${unit}${plural}` : unit === 'quarter' ? `qtr${plural}.` : SHORT[unit];
      const text = `${new NumberFormat(this.#locale).format(amount)} ${word}`;
      return past ? `${text} ago` : `in ${text}`;
    }
    formatToParts(value, unit) { return [{ type: 'literal', value: this.format(value, unit) }]; }
    resolvedOptions() { return { locale: this.#locale, numberingSystem: 'latn', ...this.#options }; }
  }

  const bare = (text) => text.normalize('NFD').replace(/[\u0300-\u036f]/g, '');
  class Collator {
    #locale;
    #options;
    constructor(locale, options) {
      this.#locale = locale;
      this.#options = { usage: 'sort', sensitivity: 'variant', ignorePunctuation: false, numeric: /-u-.*kn/.test(locale), caseFirst: 'false', ...options };
      Object.defineProperty(this, 'compare', { value: (one, other) => this.#compare(String(one), String(other)), configurable: true, writable: true });
    }
    #compare(one, other) {
      if (this.#options.ignorePunctuation) return this.#levels(one.replace(/[\p{P}\s]/gu, ''), other.replace(/[\p{P}\s]/gu, ''));
      return this.#levels(one, other);
    }
    // First letters, then accents, then case: lower before upper.
    #levels(one, other) {
      const { sensitivity } = this.#options;
      const base = this.#base(bare(one).toLowerCase(), bare(other).toLowerCase());
      if (base !== 0 || sensitivity === 'base') return base;
      const accents = order(one.normalize('NFD').toLowerCase(), other.normalize('NFD').toLowerCase());
      if (sensitivity !== 'case' && accents !== 0) return accents;
      if (sensitivity === 'accent') return 0;
      return -order(bare(one), bare(other));
    }
    #base(one, other) {
      if (!this.#options.numeric) return order(keyed(one), keyed(other));
      const [left, right] = [one, other].map((text) => text.split(/(\d+)/));
      for (let at = 0; at < Math.min(left.length, right.length); at++) {
        const found = at % 2 ? Math.sign(left[at] - right[at]) : order(keyed(left[at]), keyed(right[at]));
        if (found !== 0) return found;
      }
      return Math.sign(left.length - right.length);
    }
    resolvedOptions() { return { locale: this.#locale, collation: 'default', ...this.#options }; }
  }
  const order = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
  // Punctuation before digits before letters.
  const keyed = (text) => text.replace(/[^\p{L}\p{N}]/gu, (one) => `\x01${one}`);

  class Segmenter {
    #locale;
    #granularity;
    constructor(locale, options) { this.#locale = locale; this.#granularity = options?.granularity ?? 'grapheme'; }
    segment(input) {
      const pattern = { word: /[\p{L}\p{N}_']+|\s+|[^]/gu, sentence: /[^.!?]+[.!?]*\s*/gu }[this.#granularity] ?? /\P{M}(\p{M}|\u200d\P{M}|[\ufe00-\ufe0f])*|\p{M}+/gu;
      const word = this.#granularity === 'word';
      return { *[Symbol.iterator]() { for (const { 0: segment, index } of String(input).matchAll(pattern)) yield { segment, index, input, ...(word ? { isWordLike: /[\p{L}\p{N}]/u.test(segment) } : {}) }; } };
    }
    resolvedOptions() { return { locale: this.#locale, granularity: this.#granularity }; }
  }

  class DisplayNames {
    #locale;
    #options;
    constructor(locale, options) { this.#locale = locale; this.#options = { style: 'long', fallback: 'code', ...options }; }
    of(code) { return this.#options.fallback === 'none' ? undefined : String(code); }
    resolvedOptions() { return { locale: this.#locale, ...this.#options }; }
  }

  class Locale {
    constructor(tag, options = {}) {
      define(this, 'baseName', canonical(tag).replace(/-u-.*/, ''));
      const [language, ...rest] = this.baseName.split('-');
      define(this, 'language', options.language ?? language);
      define(this, 'script', options.script ?? rest.find((part) => part.length === 4));
      define(this, 'region', options.region ?? rest.find((part) => part.length === 2));
    }
    toString() { return this.baseName; }
    maximize() { return this; }
    minimize() { return this; }
  }

  // ---- the object

  const WITH_LOCALE = { DateTimeFormat: Dates, NumberFormat, PluralRules, ListFormat, RelativeTimeFormat, Collator, Segmenter, DisplayNames };
  const Intl = {};
  for (const name in WITH_LOCALE) {
    const Class = WITH_LOCALE[name];
    // Callable without `new`, as some are; the locale is settled before the class sees it.
    const made = function (locales, options, ...rest) { return new Class(pick(locales), options, ...rest); };
    Object.defineProperty(made, 'name', { value: name });
    made.prototype = Class.prototype;
    define(Class.prototype, 'constructor', made);
    made.supportedLocalesOf = (locales) => list(locales).filter((locale) => locale.startsWith('en'));
    define(Intl, name, made);
  }
  define(Intl, 'Locale', Locale);
  define(Intl, 'getCanonicalLocales', list);
  define(Intl, 'supportedValuesOf', (key) => ({ timeZone: () => zonesNative.zones().sort(), currency: () => Object.keys(SYMBOLS).sort(), calendar: () => ['gregory'], numberingSystem: () => ['latn'], unit: () => Object.keys(UNITS).sort(), collation: () => [] })[key]());
  Object.defineProperty(Intl, Symbol.toStringTag, { value: 'Intl', configurable: true });

  const dateText = (date, required, defaults, locales, options) => {
    if (Number.isNaN(date.getTime())) return 'Invalid Date';
    return new Dates(pick(locales), options, required, defaults).format(date);
  };

  return { Intl, dateText };
})
