// dns: names are resolved by the gateway, where an address can be checked.
(function () {
  const NAMES = ['lookup', 'lookupService', 'resolve', 'resolve4', 'resolve6', 'resolveAny', 'resolveCaa', 'resolveCname', 'resolveMx', 'resolveNaptr', 'resolveNs', 'resolvePtr',
    'resolveSoa', 'resolveSrv', 'resolveTxt', 'reverse'];
  const CODES = { NODATA: 'ENODATA', FORMERR: 'EFORMERR', SERVFAIL: 'ESERVFAIL', NOTFOUND: 'ENOTFOUND', REFUSED: 'EREFUSED', TIMEOUT: 'ETIMEOUT', CANCELLED: 'ECANCELLED' };

  const refused = (name, hostname) => Object.assign(
    new Error(`dns.${name} is not supported: the HTTP gateway resolves names itself; pass '${hostname}' to fetch or http as it is`),
    { code: 'EREFUSED', syscall: name, hostname },
  );

  const callbacks = Object.fromEntries(NAMES.map((name) => [name, (hostname, ...rest) => { process.nextTick(rest.pop(), refused(name, hostname)); }]));
  const promised = Object.fromEntries(NAMES.map((name) => [name, async (hostname) => { throw refused(name, hostname); }]));
  const common = { setServers() {}, getServers: () => [], setDefaultResultOrder() {}, getDefaultResultOrder: () => 'verbatim', ...CODES };
  class Resolver { cancel() {} }
  Object.assign(Resolver.prototype, callbacks, common);
  class PromisesResolver { cancel() {} }
  Object.assign(PromisesResolver.prototype, promised, common);

  return { ...callbacks, ...common, Resolver, promises: { ...promised, ...common, Resolver: PromisesResolver }, ADDRCONFIG: 1024, V4MAPPED: 2048, ALL: 256 };
})
