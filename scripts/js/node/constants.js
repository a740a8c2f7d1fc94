// constants: those of os, fs and crypto in one, as very old packages want them.
(function ({ require }) {
  const { errno, signals } = require('os').constants;
  return { ...errno, ...signals, ...require('fs').constants, ...require('crypto').constants };
})
