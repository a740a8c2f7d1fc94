// Looks whether a site answers, and how fast. Put your own site's address here.
const SITE = 'http://127.0.0.1:7071/status';

module.exports = async function uptimeCheck({ payload }) {
  const started = performance.now();
  const response = await fetch(SITE, { signal: AbortSignal.timeout(5000) });
  const ms = Math.round(performance.now() - started);
  if (!response.ok) throw new Error(`${SITE} answered ${response.status} after ${ms} ms`);
  console.log(`${SITE} is up: ${response.status} in ${ms} ms`);
  return { status: response.status, ms, nominal: payload?.nominal ?? null };
};
