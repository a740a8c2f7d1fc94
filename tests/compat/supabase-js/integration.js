const { createClient } = require('@supabase/supabase-js');

module.exports = async ({ payload: { url } }) => {
  const client = createClient(url, 'anon', { auth: { persistSession: false, autoRefreshToken: false } });
  const { data } = await client.from('users').select('id,name').eq('id', 7).limit(1);
  const inserted = await client.from('users').insert({ name: 'Ada' }).select();
  const rpc = await client.rpc('add', { a: 1 });
  const failed = await client.from('none').select();
  const sent = await (await fetch(`${url}/_requests`)).json();
  return { data, inserted: inserted.data, rpc: rpc.data, failed: failed.error.code, sent: sent.map(({ method, path, query, body }) => [method, path, query, body]) };
};
