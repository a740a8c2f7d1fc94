interface Payload {
  name?: string;
}

// Runs once per job. What it returns is the run's result; what it throws is a failed attempt.
export default async function handler({ payload, run }: TidegateContext<Payload>) {
  const name = payload.name ?? "world";
  console.log(`Hello, ${name}! This is attempt ${run.attempt}.`);
  return { greeting: `Hello, ${name}!` };
}
