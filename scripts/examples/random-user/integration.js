// Fetches a made-up person; the same seed gives the same person.
// The real service answers at https://randomuser.me/api/ with the same fields.
const API = 'http://127.0.0.1:7071/random-user/api/';

module.exports = async function randomUser({ payload }) {
  const url = new URL(API);
  url.searchParams.set('seed', payload?.seed ?? 'tidegate');
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.host} answered ${response.status} ${response.statusText}`);
  const { results } = await response.json();
  const user = results[0];
  console.log(user);
  return { name: `${user.name.first} ${user.name.last}`, email: user.email };
};
