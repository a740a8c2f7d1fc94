// module: createRequire and the list of builtins.
(function ({ require, host }) {
  function Module() { throw Object.assign(new Error('module.Module is not supported: modules are bundled when the integration is saved'), { code: 'ERR_UNSUPPORTED' }); }
  return Object.assign(Module, {
    Module,
    createRequire: () => require,
    builtinModules: host.modules(),
    isBuiltin: (name) => host.module(String(name)) !== undefined,
    syncBuiltinESMExports() {},
    findSourceMap: () => undefined,
    register() {},
    _extensions: {}, _cache: {}, _load: require, _resolveFilename: (name) => name, globalPaths: [],
  });
})
