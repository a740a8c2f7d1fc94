// Keys without personal data in clear.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hash, hashKey } from '@tidegate/client/hash'

// FIPS 180-2, appendix B.1.
const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'

test('a hash is SHA-256 in hexadecimal digits', async () => {
  assert.equal(await hash('abc'), ABC)
  assert.equal(await hash('é'), '4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c')
})

test('texts of a key are hashed, all of them or those that are named', async () => {
  assert.deepEqual(await hashKey({ email: 'abc', n: 1, yes: true }), { email: ABC, n: 1, yes: true })
  assert.deepEqual(await hashKey({ email: 'abc', campaign: 'abc' }, 'email'), { email: ABC, campaign: 'abc' })
})

test('a field that is not there is an error, not a key without it', async () => {
  await assert.rejects(hashKey({ email: 'abc' }, 'mail'), { code: 'invalid_options' })
  await assert.rejects(hashKey({ email: 7 }, 'email'), { code: 'invalid_options' })
})
