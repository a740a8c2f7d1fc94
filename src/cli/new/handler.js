// Runs once per job. What it returns is the run's result; what it throws is a failed attempt.
module.exports = async function handler({ payload, run }) {
  const name = payload.name ?? "world";
  console.log(`Hello, ${name}! This is attempt ${run.attempt}.`);
  return { greeting: `Hello, ${name}!` };
};
