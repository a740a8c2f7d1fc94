// `createClient`: the four calls of an integration.
import { call } from './call.js'
import { TidegateError } from './error.js'
import type { CallOptions, Client, ClientOptions, Integration } from './shapes.js'

/** A client of one server. Nothing is sent before the first call. */
export function createClient (options: ClientOptions): Client {
  const { endpoint, publicKey, token } = options
  const wrong = !endpoint
    ? 'endpoint is missing: the address of the server'
    : !publicKey === !token
        ? 'give publicKey (in web pages) or token (on servers)'
        : publicKey && !publicKey.startsWith('tg_pub_')
          ? 'publicKey must begin with tg_pub_: any other key is a secret, and no page may have it'
          : ''
  if (wrong) throw new TidegateError('invalid_options', wrong)
  return {
    integration: (name: string): Integration<any, any> => {
      const path = `/v1/integrations/${encodeURIComponent(name)}/`
      const send = (verb: string, own: CallOptions = {}, payload?: { payload: unknown }): Promise<any> =>
        call(options, path + verb, { ...own, ...payload }, verb !== 'execute')
      return {
        execute: (payload: unknown, own?: CallOptions) => send('execute', own, { payload }),
        schedule: (payload: unknown, own?: CallOptions) => send('schedule', own, { payload }),
        reschedule: own => send('reschedule', own),
        cancel: own => send('cancel', own)
      }
    }
  }
}
