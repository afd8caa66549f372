### What the edge itself says to browsers, by the code of its problem documents.
### The message that the code calls `section.name` is `section-name` here.

## edge

edge-kicker = Erreur { $status }
edge-home = Aller à la page d’accueil
edge-trace = Si vous demandez de l’aide, indiquez
edge-next_check = Vérifiez que l’adresse ne contient pas de faute de frappe.
edge-next_wait = Patientez un instant, puis rechargez la page.
edge-next_back = Revenez en arrière et réessayez.
edge-invalid_target = La requête doit nommer exactement un hôte.
edge-invalid_path = Le chemin n’est pas sous sa forme canonique.
edge-not_found = Il n’y a rien à cette adresse.
edge-method_not_allowed = Cette adresse n’accepte pas cette méthode.
edge-too_many_requests = Trop de requêtes sont venues de votre adresse. Patientez un instant, puis réessayez.
edge-body_too_large = Le contenu envoyé est plus grand que ce que cette adresse accepte.
edge-request_timeout = Le contenu envoyé n’est pas arrivé à temps.
edge-invalid_body = Le contenu envoyé est incomplet.
edge-invalid_form = Le formulaire est illisible.
edge-foreign_form = Le formulaire n’a pas été envoyé depuis une page de ce site.
edge-upstream_unreachable = Le service est injoignable pour le moment.
edge-upstream_failed = Le service a envoyé une réponse invalide.
edge-upstream_timeout = Le service n’a pas répondu à temps.
edge-internal = Une erreur interne s’est produite.
edge-not_allowed = Votre compte n’a pas accès à cette page.
edge-sign_in_required = Connectez-vous d’abord.
edge-session_unavailable = Votre connexion ne peut pas être vérifiée pour le moment.
