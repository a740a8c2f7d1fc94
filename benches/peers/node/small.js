module.exports = async function handler({ payload }) {
  return { hello: payload.name };
};
