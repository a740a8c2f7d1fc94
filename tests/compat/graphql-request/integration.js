import { GraphQLClient, gql } from 'graphql-request';

export default async ({ payload: { url } }) => {
  const client = new GraphQLClient(`${url}/graphql`, { headers: { authorization: 'Bearer x' } });
  const data = await client.request(gql`query Q($id: ID!) { user(id: $id) { name } }`, { id: 1 });
  const failed = await new GraphQLClient(`${url}/broken`).request('{ a }').catch((error) => error.response.errors[0].message);
  const sent = await (await fetch(`${url}/_requests`)).json();
  return { data, failed, sent: sent.map(({ path, body, headers }) => [path, JSON.parse(body).variables ?? null, headers.authorization ?? null]) };
};
