// A handler with the three packages of the seed's examples.
const axios = require('axios');
const lodash = require('lodash');
const moment = require('moment');

module.exports = async function handler({ payload }) {
  return { sum: lodash.sum(payload.items), at: moment.utc(0).format(), get: typeof axios.get };
};
