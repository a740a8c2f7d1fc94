const _ = require('lodash');

module.exports = async ({ payload: { url } }) => {
  const { data } = await (await fetch(`${url}/rows`)).json();
  const debounced = _.debounce(() => 1, 1);
  debounced();
  return {
    groups: _.mapValues(_.groupBy(data, 'kind'), (rows) => _.sumBy(rows, 'n')), sorted: _.orderBy(data, ['n'], ['desc']).map((row) => row.n), chunk: _.chunk([1, 2, 3, 4, 5], 2),
    deep: _.get({ a: [{ b: { c: 3 } }] }, 'a[0].b.c'), merged: _.merge({ a: { x: 1 } }, { a: { y: 2 } }), camel: _.camelCase('Foo Bar-baz'), equal: _.isEqual({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }),
    template: _.template('Hi <%= name %>!')({ name: 'Ada' }), clone: _.cloneDeep({ d: new Date(0), m: new Map([[1, 2]]) }).d.getTime(), words: _.deburr('déjà vu'), flushed: debounced.flush(),
  };
};
