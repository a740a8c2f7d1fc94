import { customAlphabet, nanoid } from 'nanoid';

export default async ({ payload: { url } }) => {
  const { size } = await (await fetch(`${url}/size`)).json();
  return { lengths: [nanoid().length, nanoid(size).length], hex: /^[0-9a-f]{12}$/.test(customAlphabet('0123456789abcdef', 12)()), differ: new Set(Array.from({ length: 50 }, () => nanoid())).size };
};
