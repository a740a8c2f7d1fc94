// assert, and its strict half.
(function ({ require }) {
  const { inspect, deepEqual } = require('util');

  class AssertionError extends Error {
    constructor({ message, actual, expected, operator }) {
      super(message ?? `${inspect(actual)} ${operator} ${inspect(expected)}`);
      Object.assign(this, { name: 'AssertionError', code: 'ERR_ASSERTION', generatedMessage: message === undefined, actual, expected, operator });
    }
  }

  function fail(holds, actual, expected, message, operator) {
    if (holds) return;
    if (message instanceof Error) throw message;
    throw new AssertionError({ message, actual, expected, operator });
  }

  // Whether an error is the expected one: a class, a pattern, an object of properties, or a predicate.
  function matches(error, expected) {
    if (expected === undefined) return true;
    if (expected instanceof RegExp) return expected.test(String(error));
    if (typeof expected === 'object') {
      return Object.keys(expected).every((key) => (expected[key] instanceof RegExp && typeof error[key] === 'string'
        ? expected[key].test(error[key]) : deepEqual(error[key], expected[key], true)));
    }
    if (expected.prototype !== undefined && error instanceof expected) return true;
    if (Error.isPrototypeOf(expected)) return false;
    return expected.call({}, error) === true;
  }

  function thrown(error, expected, message) {
    const [wanted, text] = typeof expected === 'string' ? [undefined, expected] : [expected, message];
    if (!matches(error, wanted)) throw wanted instanceof RegExp || typeof wanted === 'object' ? new AssertionError({ message: text, actual: error, expected: wanted, operator: 'throws' }) : error;
  }

  function assert(value, message) { fail(value, value, true, arguments.length === 0 ? 'No value argument passed to `assert.ok()`' : message, '=='); }

  const NOTHING = Symbol('nothing thrown');
  const caught = (run) => { try { run(); return NOTHING; } catch (error) { return error; } };
  const rejected = async (run) => { try { await (typeof run === 'function' ? run() : run); return NOTHING; } catch (error) { return error; } };

  const methods = {
    ok: assert,
    equal: (one, other, message) => fail(one == other || (Number.isNaN(one) && Number.isNaN(other)), one, other, message, '=='),
    notEqual: (one, other, message) => fail(one != other, one, other, message, '!='),
    strictEqual: (one, other, message) => fail(Object.is(one, other), one, other, message, 'strictEqual'),
    notStrictEqual: (one, other, message) => fail(!Object.is(one, other), one, other, message, 'notStrictEqual'),
    deepEqual: (one, other, message) => fail(deepEqual(one, other, false), one, other, message, 'deepEqual'),
    notDeepEqual: (one, other, message) => fail(!deepEqual(one, other, false), one, other, message, 'notDeepEqual'),
    deepStrictEqual: (one, other, message) => fail(deepEqual(one, other, true), one, other, message, 'deepStrictEqual'),
    notDeepStrictEqual: (one, other, message) => fail(!deepEqual(one, other, true), one, other, message, 'notDeepStrictEqual'),
    match: (text, pattern, message) => fail(pattern.test(text), text, pattern, message, 'match'),
    doesNotMatch: (text, pattern, message) => fail(!pattern.test(text), text, pattern, message, 'doesNotMatch'),
    fail: (message = 'Failed') => fail(false, undefined, undefined, message, 'fail'),
    ifError(value) { if (value !== null && value !== undefined) throw value instanceof Error ? value : new AssertionError({ message: `ifError got unwanted exception: ${inspect(value)}`, actual: value, operator: 'ifError' }); },
    throws(run, expected, message) {
      const error = caught(run);
      fail(error !== NOTHING, undefined, expected, typeof expected === 'string' ? expected : message ?? 'Missing expected exception.', 'throws');
      thrown(error, expected, message);
    },
    doesNotThrow(run, expected, message) {
      const error = caught(run);
      if (error !== NOTHING) throw new AssertionError({ message: `Got unwanted exception.\nActual message: "${error?.message}"${message ? ` ${message}` : ''}`, actual: error, expected, operator: 'doesNotThrow' });
    },
    async rejects(run, expected, message) {
      const error = await rejected(run);
      fail(error !== NOTHING, undefined, expected, typeof expected === 'string' ? expected : message ?? 'Missing expected rejection.', 'rejects');
      thrown(error, expected, message);
    },
    async doesNotReject(run, expected, message) {
      const error = await rejected(run);
      if (error !== NOTHING) throw new AssertionError({ message: message ?? `Got unwanted rejection.\nActual message: "${error?.message}"`, actual: error, expected, operator: 'doesNotReject' });
    },
  };

  const strict = Object.assign((...args) => assert(...args), methods, {
    equal: methods.strictEqual, notEqual: methods.notStrictEqual, deepEqual: methods.deepStrictEqual, notDeepEqual: methods.notDeepStrictEqual, AssertionError,
  });
  strict.strict = strict;
  return Object.assign(assert, methods, { AssertionError, strict });
})
