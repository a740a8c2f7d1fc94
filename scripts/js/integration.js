// integration(name): execute, schedule, cancel and reschedule other integrations of the workspace.
(function ({ call, stringify }) {
  const NAME = /^[a-z][a-z0-9-]{0,62}(@[0-9]{1,9})?$/;

  const object = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

  function checkOptions(verb, options) {
    if (options !== undefined && !object(options)) {
      throw new TypeError(`integration().${verb}: the options must be an object, such as { key: { id: 1 } }`);
    }
    return options ?? {};
  }

  function checkPayload(verb, payload) {
    if (payload === undefined) return null;
    if (stringify(payload) === undefined) {
      throw new TypeError(`integration().${verb}: the payload is a ${typeof payload}; pass JSON`);
    }
    return payload;
  }

  // What addresses pending jobs: `{ key }` or `{ match }`, or the key itself.
  function address(verb, target) {
    if (!object(target)) throw new TypeError(`integration().${verb}: pass { key: { … } } or { match: { … } }`);
    return object(target.key) || object(target.match) ? target : { key: target };
  }

  function integration(name) {
    if (typeof name !== 'string' || !NAME.test(name)) {
      throw new TypeError(`integration: ${stringify(name) ?? String(name)} is no name of an integration; use letters a-z, digits and -, such as 'order-alert'`);
    }
    const ask = async (verb, payload, options) => (await call(`integration.${verb}`, { name, payload, options })).value;
    return {
      async execute(payload, options) {
        return ask('execute', checkPayload('execute', payload), checkOptions('execute', options));
      },
      async schedule(payload, options) {
        return ask('schedule', checkPayload('schedule', payload), checkOptions('schedule', options));
      },
      async cancel(target) {
        return ask('cancel', null, address('cancel', target));
      },
      async reschedule(options) {
        return ask('reschedule', null, address('reschedule', options));
      },
    };
  }

  return { integration };
})
