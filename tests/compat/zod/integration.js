const { z } = require('zod');

module.exports = async ({ payload: { url } }) => {
  const schema = z.object({ id: z.number().int(), email: z.email(), tags: z.array(z.string()).default([]), at: z.coerce.date().optional() });
  const good = schema.parse(await (await fetch(`${url}/user`)).json());
  const bad = schema.safeParse({ id: 1.5, email: 'x' });
  const kinds = z.discriminatedUnion('kind', [z.object({ kind: z.literal('a'), n: z.number() }), z.object({ kind: z.literal('b') })]);
  return { good, issues: bad.error.issues.map(({ code, path }) => [code, path]), kind: kinds.parse({ kind: 'a', n: 1 }), asynchronous: await z.string().refine(async (text) => text.length > 1).safeParseAsync('x').then(({ success }) => success) };
};
