// Fastify: `app.register(latchkey, { guard })`, then `{ preHandler: app.guarded({ scope: 'notes.write' }) }`.

/** A plugin that adds `guarded` to the instance and `access` to its requests. */
export default async function latchkey(fastify, { guard }) {
  fastify.decorateRequest('access', null);
  fastify.decorate('guarded', ({ scope, sensitive, optional } = {}) => async (request, reply) => {
    try {
      // `headers` would hide a second header of this name.
      const authorization = request.raw.headersDistinct.authorization ?? [];
      request.access = await guard.admit({ authorization, url: request.url }, { scope, sensitive, optional });
    } catch (error) {
      if (error.status === undefined) throw error;
      return reply.code(error.status).headers(error.headers)
        .send({ error: error.error, error_description: error.description ?? error.message });
    }
  });
}

// The decorations are for the instance that registers, not for an inner one alone.
latchkey[Symbol.for('skip-override')] = true;
latchkey[Symbol.for('fastify.display-name')] = 'latchkey-feed';
