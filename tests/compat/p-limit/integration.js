import pLimit from 'p-limit';

export default async ({ payload: { url } }) => {
  const limit = pLimit(2);
  let running = 0;
  let most = 0;
  const got = await Promise.all([1, 2, 3, 4, 5].map((n) => limit(async () => {
    most = Math.max(most, ++running);
    const { query } = await (await fetch(`${url}/echo?n=${n}`)).json();
    running--;
    return query;
  })));
  return { got, most, pending: limit.pendingCount };
};
