// Express: `app.get('/me', guarded(guard), (req, res) => res.send(req.access.sub))`.

/** A middleware that lets a request pass with its claims in `req.access`. */
export function guarded(guard, { scope, sensitive, optional } = {}) {
  return async (req, res, next) => {
    try {
      // `headers` would hide a second header of this name.
      const authorization = req.headersDistinct.authorization ?? [];
      req.access = await guard.admit({ authorization, url: req.originalUrl }, { scope, sensitive, optional });
    } catch (error) {
      if (error.status === undefined) return next(error);
      res.status(error.status).set(error.headers).json({ error: error.error, error_description: error.description ?? error.message });
      return undefined;
    }
    return next();
  };
}
