import { Octokit } from '@octokit/rest';

export default async ({ payload: { url } }) => {
  const octokit = new Octokit({ baseUrl: url, auth: 'ghp_x', log: { debug() {}, info() {}, warn() {}, error() {} } });
  const repo = await octokit.rest.repos.get({ owner: 'o', repo: 'r' });
  const issue = await octokit.rest.issues.create({ owner: 'o', repo: 'r', title: 'T', labels: ['a'] });
  const all = await octokit.paginate(octokit.rest.issues.listForRepo, { owner: 'o', repo: 'r', per_page: 1 });
  const missing = await octokit.rest.repos.get({ owner: 'o', repo: 'none' }).catch((error) => [error.name, error.status]);
  const sent = await (await fetch(`${url}/_requests`)).json();
  return { repo: repo.data.full_name, issue: issue.data.number, all: all.map(({ number }) => number), missing, sent: sent.map(({ method, path, query, body, headers }) => [method, path, query, body, headers.authorization]) };
};
