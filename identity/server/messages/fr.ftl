### What the issuer's pages say. Labels are part of the contract of docs/pages.md.
### The message that the code calls `section.name` is `section-name` here.

## id

id-name = Latchkey
id-footer = Vous êtes sur
id-support = Aide
id-reveal = Afficher le mot de passe

## login

login-title = Connexion
login-to = pour continuer vers { $client }
login-to_account = pour voir votre compte
login-username = Nom d’utilisateur ou adresse e-mail
login-password = Mot de passe
login-do = Se connecter
login-cancel = Annuler
login-register = Créer un compte
login-again = Confirmez que c’est bien vous. Si vous annulez, vous restez connecté.

login-keep = Rester connecté sur cet appareil

# The page of mailed codes.
login-code_title = Se connecter avec un code envoyé par e-mail
login-code_lede = Nous envoyons un code à l’adresse de votre compte.
login-code_sent = Si un compte peut être ouvert par un code, un e-mail est en route. Saisissez son code ici.
login-code_help = Six chiffres, valables dix minutes dans ce navigateur. Regardez dans le dossier des indésirables s’il n’arrive pas.
login-code_do = Envoyer le code
login-by_code = Se connecter avec un code envoyé par e-mail
login-other_ways = Utiliser un autre moyen

## confirm

confirm-title = Confirmez que c’est bien vous
confirm-lede = Vous êtes connecté en tant que { $name }. Si vous annulez, vous restez connecté.
confirm-do = Confirmer
confirm-passkey = Confirmer avec une clé d’accès

## second

second-title = Seconde étape
second-lede = Saisissez le code que votre application d’authentification affiche maintenant.
second-lede_recovery = Saisissez l’un des codes de récupération que vous avez conservés. Chacun ne sert qu’une fois.
second-code = Code
second-recovery_code = Code de récupération
second-remember = Ne pas demander cette étape sur cet appareil pendant 30 jours
second-do = Vérifier
second-other_ways = Utiliser un code de récupération
second-with_app = Utiliser votre application d’authentification
second-with_passkey = Utiliser une clé d’accès

## totp

totp-title = Configurer une seconde étape
totp-lede = Scannez ceci avec une application d’authentification, puis saisissez le code qu’elle affiche.
totp-qr = Code QR contenant le secret pour votre application d’authentification
totp-by_hand = Si vous ne pouvez pas le scanner, saisissez ce secret dans l’application :
totp-open = L’ouvrir dans une application de cet appareil
totp-code = Code
totp-name = Nom de l’application ou de l’appareil (facultatif)
totp-do = Activer
totp-later = Plus tard
totp-needed = Une seconde étape est nécessaire. Configurez-en une pour continuer.
totp-needed_by = À partir du { $date }, une seconde étape sera nécessaire. Configurez-en une maintenant ou plus tard.

## codes

codes-title = Codes de récupération
codes-lede = Chacun de ces codes remplace une fois votre seconde étape. Imprimez-les, ou conservez-les là où vous seul pouvez les trouver.
codes-once = Ils ne sont affichés que maintenant. Les codes que vous aviez avant ne fonctionnent plus.
codes-saved = Je les ai conservés
codes-left =
    { $n ->
        [one] Vous avez { $n } code de récupération inutilisé.
       *[other] Vous avez { $n } codes de récupération inutilisés.
    }
codes-none = Vous n’avez aucun code de récupération.
codes-renew_help = De nouveaux codes remplacent tous ceux que vous avez. Les anciens cessent aussitôt de fonctionner.
codes-renew = Créer de nouveaux codes

## error

error-code_wrong = Le code est incorrect. Vérifiez-le, ou demandez-en un nouveau.
error-code_expired = Le code a expiré. Demandez-en un nouveau.
error-second_closed = Trop de codes erronés ont été saisis après votre mot de passe. Connectez-vous avec un navigateur que vous avez déjà utilisé, ou choisissez un autre mot de passe.
error-factor_needed = Une seconde étape est nécessaire. Configurez-en une pour continuer.
error-wrong_credentials = Le nom d’utilisateur ou le mot de passe est incorrect. Vérifiez les deux et réessayez.
error-too_many_next =
    { $seconds ->
        [one] Attendez { $seconds } seconde, puis réessayez.
       *[other] Attendez { $seconds } secondes, puis réessayez.
    }
error-busy =
    { $seconds ->
        [one] Beaucoup de personnes se connectent en ce moment. Attendez { $seconds } seconde, puis réessayez.
       *[other] Beaucoup de personnes se connectent en ce moment. Attendez { $seconds } secondes, puis réessayez.
    }
error-account_disabled = Ce compte ne peut pas être utilisé. Contactez l’administrateur de ce site.
error-passkey_unknown = Cette clé d’accès n’est plus connue ici. Utilisez un autre moyen.
error-passkey_failed = La clé d’accès n’a pas répondu. Réessayez, ou utilisez un autre moyen.
error-passkey_refused = Cette clé d’accès ne peut pas être ajoutée. Créez-en une autre.
error-passkey_held = Cet appareil a déjà une clé d’accès pour ce compte.
error-passkey_name = Donnez à la clé d’accès un nom fait de lettres ou de chiffres.
error-last_way = C’est votre seul moyen de vous connecter. Ajoutez-en d’abord un autre.
error-account_exists = Vous avez déjà un compte ici. Connectez-vous-y une fois, puis associez { $provider }.
error-provider_taken = Ce compte { $provider } est associé à quelqu’un d’autre ici. Connectez-vous là-bas avec un autre compte.
error-provider_connected = Un compte { $provider } est déjà associé. Supprimez-le avant d’en associer un autre.
error-provider_session = Rien n’a été associé : cette demande a déjà servi, a pris trop de temps ou a commencé dans une autre session. Recommencez sur la page de vos comptes associés.
error-provider_domain = Les personnes qui ont cette adresse se connectent avec { $provider }. Utilisez son bouton.
error-missing = Saisissez votre nom d’utilisateur et votre mot de passe.
error-address = Ce n’est pas une adresse e-mail. Vérifiez-la et réessayez.
error-domain = Les adresses de ce domaine ne permettent pas de créer un compte ici.
error-too_fast = Vérifiez l’adresse et appuyez encore une fois sur le bouton.
error-registration_closed = Ici, les nouveaux comptes se créent sur invitation.
error-invitation = Cette invitation a été utilisée ou a expiré. Adressez-vous à la personne qui l’a envoyée.
error-terms_needed = Lisez et acceptez les conditions pour continuer.
error-link_used = Ce lien a été utilisé ou a expiré. Demandez-en un nouveau.
error-link_elsewhere = Cette démarche a été commencée dans un autre navigateur. Saisissez-y le code reçu par e-mail, ou recommencez ici.
error-mail_limit =
    { $n ->
        [one] Plusieurs e-mails sont en route. Attendez { $n } minute et regardez dans les courriers indésirables.
       *[other] Plusieurs e-mails sont en route. Attendez { $n } minutes et regardez dans les courriers indésirables.
    }
error-name_form = Utilisez des lettres, des chiffres, des points, des traits d’union ou des tirets bas.
error-name_taken = Ce nom d’utilisateur est déjà pris. Choisissez-en un autre.
error-password_short =
    { $n ->
        [one] Utilisez au moins { $n } caractère. Quelques mots conviennent bien.
       *[other] Utilisez au moins { $n } caractères. Quelques mots conviennent bien.
    }
error-password_long = Ce mot de passe est trop long.
error-password_personal = Il contient votre nom, votre adresse ou le nom de ce site. Choisissez-en un autre.
error-password_common = C’est ce que les attaquants essaient en premier. Choisissez-en un autre.
error-account_mailed = Nous avons écrit à cette adresse. L’e-mail explique comment continuer.
error-password_weak = Ce mot de passe est faible. Vous pouvez le garder : saisissez-le encore une fois. Mieux : quelques mots que personne ne mettrait ensemble.
error-approval_wait = Votre compte est en attente d’approbation. Nous vous écrirons.
error-profile_text = Ce texte est trop long ou contient des caractères invisibles. Écrivez-le plus simplement.
error-profile_birthdate = Écrivez la date sous la forme année-mois-jour, par exemple 1990-05-17.
error-profile_website = Saisissez une adresse qui commence par https:// ou http://.
error-profile_phone = Saisissez le numéro avec le signe plus et l’indicatif du pays.
error-profile_locale = Cette langue est inconnue ici. Choisissez-en une dans la liste.
error-profile_zoneinfo = Ce fuseau horaire est inconnu ici. Choisissez-en un dans la liste.
error-profile_changed = Votre profil a été modifié ailleurs entre-temps. Voici son état actuel : refaites votre modification.
error-picture_large = Ce fichier dépasse 2 Mio. Choisissez-en un plus petit.
error-picture_kind = Ce n’est pas une image JPEG, PNG ou WebP. Choisissez un autre fichier.
error-picture_pixels = Cette image a trop de pixels. Choisissez-en une plus petite.
error-picture_moving = Cette image est animée. Choisissez-en une qui ne bouge pas.
error-picture_damaged = Cette image est endommagée. Choisissez-en une autre.
error-picture_missing = Choisissez d’abord un fichier.
error-picture_busy = Beaucoup d’images sont traitées en ce moment. Réessayez dans un instant.
error-title = Cela n’a pas fonctionné
error-back = Aller à votre compte
error-to_application = Revenir à { $client }
error-application = Application : { $client }.
error-again = Réessayer
error-trace = Si vous demandez de l’aide, indiquez

## sorry

sorry-malformed = La demande est illisible.
sorry-unknown_client = L’application qui vous a envoyé ici n’est pas enregistrée. Revenez en arrière et réessayez. Si cela se reproduit, contactez le fournisseur de cette application.
sorry-redirect_uri = L’application a demandé à vous envoyer vers une adresse qui n’est pas enregistrée pour elle. Revenez en arrière et réessayez. Si cela se reproduit, contactez le fournisseur de cette application.
sorry-logout_uri = L’application a demandé à vous envoyer, après la déconnexion, vers une adresse qui n’est pas enregistrée pour elle. Revenez en arrière et réessayez. Si cela se reproduit, contactez le fournisseur de cette application.
sorry-id_token_hint = L’application n’a pas prouvé quel utilisateur elle veut déconnecter.
sorry-expired = Cette connexion est déjà terminée ou a pris trop de temps. Revenez à l’application et recommencez.
sorry-other_browser = Cette connexion a été commencée dans un autre navigateur. Recommencez-la dans celui-ci.
sorry-foreign_form = Ce formulaire n’a pas été envoyé depuis l’une de nos pages. Revenez en arrière, rechargez la page et renvoyez-le.
sorry-too_many = Il y a eu trop de tentatives. Patientez un instant et réessayez.
sorry-busy = Beaucoup de personnes se connectent en ce moment. Cette page réessaie d’elle-même dans un instant.
sorry-provider_failed = { $provider } n’a pas confirmé qui vous êtes.
sorry-provider_off = La connexion avec { $provider } est désactivée.
sorry-not_found = Il n’y a pas de page à cette adresse.
sorry-unavailable = Le service est indisponible pour le moment. Réessayez dans un instant.
sorry-internal = Une erreur interne s’est produite. Elle a été consignée.

## passkeys

passkeys-title = Vos clés d’accès
passkeys-lede = Une clé d’accès vous connecte avec votre visage, votre doigt ou votre code PIN. Elle ne fonctionne que sur ce site : personne ne peut donc vous la soutirer par ruse.
passkeys-back = Votre compte
passkeys-list = Clés d’accès
passkeys-none = Vous n’avez pas encore de clé d’accès.
passkeys-unnamed = Clé d’accès
passkeys-synced = Synchronisée
passkeys-suspended = Suspendue : elle a peut-être été copiée
passkeys-made = créée le
passkeys-used = dernière utilisation le
passkeys-unused = jamais utilisée
passkeys-name = Nom
passkeys-rename = Renommer
passkeys-remove = Supprimer
passkeys-add = Créer une clé d’accès
passkeys-instead = Créer plutôt une clé d’accès
passkeys-full = Vous avez autant de clés d’accès qu’un compte peut en avoir. Supprimez-en une pour en ajouter une autre.
passkeys-without = Les clés d’accès demandent un navigateur qui les prend en charge et où les scripts sont autorisés.
passkeys-sign_in = Connexion par clé d’accès
passkeys-offer_title = Créer une clé d’accès
passkeys-offer = La prochaine fois, vous pourrez vous connecter avec votre visage, votre doigt ou votre code PIN au lieu de votre mot de passe.
passkeys-not_now = Pas maintenant
passkeys-done_added = La clé d’accès a été ajoutée.
passkeys-done_renamed = La clé d’accès porte son nouveau nom.
passkeys-done_removed = La clé d’accès a été supprimée. Supprimez-la aussi de votre appareil.

## consent

consent-title = Autoriser l’accès
consent-asks = { $client } demande l’accès à votre compte.
consent-signed_in = Connecté en tant que { $name }
consent-not_you = Ce n’est pas vous ?
consent-leads = Vous serez ensuite redirigé vers { $place }.
consent-account = Votre compte sur { $host }
consent-not = Elle ne voit jamais votre mot de passe et ne peut rien faire qui ne figure pas ici.
consent-back = Vous pouvez révoquer cet accès à tout moment dans votre compte.
consent-unproven = N’importe quel programme de cet appareil pourrait se faire passer pour cette application : la question vous est donc posée à chaque fois.
consent-grew = Elle demande plus que ce que vous aviez autorisé. Ce qui est nouveau est signalé.
consent-new = Nouveau
consent-allow = Autoriser
consent-deny = Refuser

## scope

scope-openid = Savoir qui vous êtes
scope-profile = Voir votre nom et votre profil
scope-email = Voir votre adresse e-mail
scope-address = Voir votre adresse postale
scope-phone = Voir votre numéro de téléphone
scope-groups = Voir les groupes dont vous faites partie
scope-offline_access = Agir pour vous en votre absence, jusqu’à ce que vous révoquiez cet accès
scope-other = { $scope } chez { $resource }
scope-other_one = { $scope }

## resource

# What our own services declare, by the words of their contracts.
resource-catalog = Les cours de la boutique
resource-basket = Votre panier
resource-discount = Codes promo
resource-order = Vos commandes
resource-payment = Votre portefeuille et vos paiements
resource-inventory = Votre bibliothèque
resource-photo = Photos de cours
resource-billing = Vos factures

## declared

declared-catalog_read = Voir les cours de la boutique
declared-catalog_write = Créer et modifier vos cours dans la boutique
declared-catalog_review = Écrire des avis dans la boutique en votre nom
declared-catalog_admin = Modifier les catégories de la boutique et les cours de tout le monde
declared-basket = Voir et modifier votre panier
declared-basket_guest = Conserver les paniers des visiteurs
declared-discount_redeem = Utiliser des codes promo
declared-discount_write = Créer et modifier des codes promo pour vos cours
declared-discount_admin = Modifier tous les codes promo de la boutique
declared-order_read = Voir vos commandes
declared-order_write = Commander en votre nom et annuler vos commandes
declared-order_admin = Voir et rétablir les commandes de tout le monde
declared-payment_read = Voir votre portefeuille et vos paiements
declared-payment_write = Enregistrer des cartes, recharger votre portefeuille et confirmer des paiements
declared-payment_admin = Accorder des crédits et voir les paiements de tout le monde
declared-inventory_read = Voir les cours que vous possédez
declared-inventory_write = Enregistrer votre progression et utiliser ce que vous possédez
declared-inventory_stock = Fixer le nombre de places de vos cours
declared-inventory_admin = Offrir des cours et modifier les places de tout le monde
declared-photo_write = Ajouter et supprimer des photos de vos cours dans la boutique
declared-photo_admin = Supprimer les photos de tout le monde dans la boutique
declared-billing_read = Voir vos factures et vos ventes
declared-billing_admin = Voir les comptes de la boutique et les factures de tout le monde

## logout

logout-title = Déconnexion
logout-ask = Voulez-vous vous déconnecter ? Les applications auxquelles vous vous êtes connecté depuis ce navigateur seront aussi déconnectées.
logout-do = Se déconnecter
logout-stay = Rester connecté
logout-done_title = Vous êtes déconnecté
logout-done = Vous pouvez fermer cette fenêtre.
logout-unregistered = L’application a demandé à vous envoyer vers une adresse qui n’est pas enregistrée pour elle : vous n’y avez donc pas été envoyé. Contactez le fournisseur de cette application.
logout-in_again = Se reconnecter

## post

post-title = Un instant
post-next = Vous êtes renvoyé vers l’application. Si rien ne se passe, appuyez sur Continuer.
post-do = Continuer

## account

account-title = Votre compte
account-hello = Connecté en tant que { $name }
account-email = Adresse e-mail
account-username = Nom d’utilisateur
account-roles = Rôles
account-sessions = Navigateurs où vous êtes connecté
account-sessions_help = Déconnectez ceux que vous ne reconnaissez pas. Les applications auxquelles vous vous êtes connecté avec eux seront aussi déconnectées.
account-this = Ce navigateur
account-session_since = Connexion le
account-since = connexion le
account-seen = dernière utilisation le
account-end = Déconnecter ce navigateur
account-applications = Ce que les applications peuvent faire
account-applications_help = Ce que vous avez autorisé le reste après la déconnexion, jusqu’à ce que vous le révoquiez. La révocation met aussi fin aussitôt à toutes les connexions de cette application.
account-applications_none = Vous n’avez rien autorisé à aucune application.
account-allowed = Autorisée le
account-revoke = Révoquer l’accès
account-families = Connexions aux applications
account-families_help = Chaque fois que vous vous êtes connecté à une application, et comment cela s’est terminé. Mettre fin à l’une d’elles ne change rien à ce que l’application peut faire.
account-families_none = Vous ne vous êtes encore connecté à aucune application.
account-alive = Active
account-ended = Terminée
account-renewed = renouvelée { $n } fois
account-retries =
    { $n ->
        [one] { $n } réponse perdue renvoyée
       *[other] { $n } réponses perdues renvoyées
    }
account-history = Historique des connexions
account-history_none = Personne ne s’est encore connecté.
account-signed_in = Connexion
account-wrong_password = Mot de passe erroné
account-wrong_code = Code erroné
account-refused = Refusée
account-device_unknown = Navigateur inconnu
account-passkeys = Clés d’accès
account-passkeys_held =
    { $n ->
        [one] Vous avez { $n } clé d’accès.
       *[other] Vous avez { $n } clés d’accès.
    }
account-passkeys_manage = Gérer
account-sign_out = Se déconnecter
account-change_email = Modifier
account-change_password = Modifier
account-done_password = Votre mot de passe a été changé.
account-done_email = Votre adresse a été changée.
account-done_session = Ce navigateur est déconnecté.
account-done_application = L’application n’a plus accès à votre compte.
account-older = Plus anciens
account-newest = Revenir aux plus récents
account-end_family = Mettre fin à la connexion
account-done_family = Cette connexion est terminée.
account-security = Sécurité
account-second = Seconde étape
account-second_none = Avec une seconde étape, votre compte reste à vous même si quelqu’un apprend votre mot de passe.
account-second_set_up = Configurer
account-second_help = Après votre mot de passe, le code de l’une de ces applications vous est demandé.
account-app_name = Application d’authentification
account-app_since = depuis le
account-app_add = Ajouter une application d’authentification
account-app_remove = Supprimer
account-done_app = L’application d’authentification est configurée.
account-done_app_removed = L’application d’authentification est supprimée.
account-codes = Codes de récupération
account-codes_low =
    { $n ->
        [one] Il ne vous reste que { $n } code de récupération. Créez-en de nouveaux.
       *[other] Il ne vous reste que { $n } codes de récupération. Créez-en de nouveaux.
    }
account-devices = Appareils sans seconde étape
account-devices_help = Vous avez demandé qu’aucun code n’y soit demandé.
account-device_until = jusqu’au
account-device_forget = Y demander de nouveau le code
account-done_device = Le code sera de nouveau demandé sur cet appareil.
account-kept = Reste connecté
account-sessions_list = Connexions en cours
account-proved = Preuve :
account-proved_pwd = mot de passe
account-proved_otp = code d’une application
account-proved_rc = code de récupération
account-proved_pop = clé d’accès
account-proved_email = code par e-mail
account-proved_fed = autre fournisseur
account-end_others = Se déconnecter partout ailleurs
account-end_others_too = Déconnecter aussi mes autres appareils
account-done_others = Vous êtes déconnecté partout ailleurs.
account-applications_list = Applications qui ont accès
account-applications_held =
    { $n ->
        [one] { $n } application a accès.
       *[other] { $n } applications ont accès.
    }
account-offline = Aussi en votre absence
account-at = Où :
account-browsers =
    { $n ->
        [one] Vous êtes connecté avec { $n } navigateur.
       *[other] Vous êtes connecté avec { $n } navigateurs.
    }
account-more_than = Plus que { $n }
account-apps_held =
    { $n ->
        [one] { $n } application d’authentification est configurée.
       *[other] { $n } applications d’authentification sont configurées.
    }
account-apps = Applications d’authentification
account-second_lede = Les applications dont le code vous est demandé après votre mot de passe.
account-codes_unused = Pour le jour où vous perdez votre seconde étape. Il n’y en a pas encore.
account-codes_renew = En créer de nouveaux
account-email_proved = vérifiée
account-email_unproved = pas encore vérifiée
account-password_none = Vous n’avez pas de mot de passe : personne ne peut le deviner ni le voler.
account-password_since = Dernier changement le
account-password_set = Vous avez un mot de passe.
account-pages = Plus sur votre compte
account-to_profile = Profil
account-to_profile_help = Votre nom, votre photo, votre langue et ce que les applications peuvent en lire.
account-to_providers = Autres comptes pour vous connecter
account-to_providers_help = Les comptes d’autres sites que vous avez reliés.
account-to_export = Vos données
account-to_export_help = Tout ce qui est enregistré à votre sujet, dans un fichier.
account-to_delete = Supprimer le compte
account-to_delete_help = Définitivement, après quelques jours pendant lesquels vous pouvez changer d’avis.
account-history_help = Les connexions et les changements de votre compte au cours des 90 derniers jours.
account-history_list = Ce qui s’est passé
account-times = { $n } fois
account-state_good = En ordre
account-state_advised = À regarder
account-state_due = À faire
account-state_unused = Non utilisé

## cause

cause-logout = Vous vous êtes déconnecté.
cause-signed_out_there = Vous avez déconnecté ce navigateur sur la page de votre compte.
cause-admin = Un administrateur a mis fin à la session.
cause-account_recovered = Vous avez récupéré le compte.
cause-admin_reset = Un administrateur a lancé une récupération du compte, et elle a été menée à son terme.
cause-email_undone = Un changement d’adresse a été annulé.
cause-password_changed = Votre mot de passe a été changé.
cause-consent_withdrawn = Vous avez révoqué l’accès de l’application.
cause-asked_again = Vous devez confirmer à nouveau ce que cette application peut faire.
cause-ended = Vous avez mis fin à cette connexion.
cause-person_disabled = Le compte a été désactivé.
cause-person_deleted = Le compte a été supprimé.
cause-client_disabled = L’application a été désactivée.
cause-replay = Une ancienne clé a été utilisée une deuxième fois. Quelqu’un l’a peut-être copiée : nous avons donc mis fin à cette connexion.
cause-code_replay = Un code de connexion a été utilisé une deuxième fois. Quelqu’un l’a peut-être copié : nous avons donc mis fin à cette connexion.
cause-store_rewound = Le serveur a été restauré à partir d’une sauvegarde : cette connexion a donc pris fin.
cause-family_limit = L’application vous a connecté si souvent que la plus ancienne connexion a dû prendre fin.
cause-tokens_revoked = L’application a révoqué tant de ses clés que toutes ses connexions ont dû prendre fin.
cause-overlap_streak = Deux programmes semblaient utiliser cette connexion en même temps : nous y avons donc mis fin.
cause-revoked = L’application a mis fin à cette connexion, comme elle le fait quand vous vous y déconnectez.
cause-replaced = Quelqu’un d’autre s’est connecté avec ce navigateur.
cause-idle = Elle est restée longtemps inutilisée.
cause-expired = Elle a atteint sa durée maximale.
cause-factor_removed = Vous avez supprimé une clé d’accès ou une seconde étape : cette connexion a donc pris fin.
cause-upstream_unlinked = Vous avez supprimé un compte avec lequel vous vous connectiez : cette connexion a donc pris fin.
cause-upstream_signed_out = Vous vous êtes déconnecté chez le fournisseur avec lequel vous vous étiez connecté.
cause-other = Il a été mis fin à cette connexion.
cause-password_reset = Un administrateur a défini un autre mot de passe.
cause-email_changed = Votre adresse a été changée.
cause-person_locked = Le compte a été verrouillé.
cause-client_removed = L’application a été retirée de ce site.
cause-client_tokens_revoked = Tout le monde a été déconnecté de cette application.
cause-key_compromised = Une clé de signature de ce site a dû être retirée.

## why

why-title = Pourquoi ai-je été déconnecté ?
why-lede = Les connexions qui ont pris fin, et pourquoi.
why-sessions = Navigateurs
why-sessions_none = Aucune connexion n’a pris fin ici récemment.
why-by = Par qui :
why-by_you = Vous.
why-by_administrator = Un administrateur.
why-by_application = L’application.
why-by_site = Ce site, selon ses propres règles.
why-sign_in = Reconnectez-vous si vous voulez continuer.
why-if_not_you = Si ce n’était pas vous, changez votre mot de passe et vérifiez vos clés d’accès et votre seconde étape.
why-watch = Si vous ne savez pas pourquoi, déconnectez-vous partout ailleurs et changez votre mot de passe.
why-ask_administrator = Demandez aux responsables de ce site si vous ne vous y attendiez pas.
why-retried = une réponse perdue a été renvoyée après le renouvellement { $n }
why-reused = une ancienne clé est revenue après le renouvellement { $n }

## history

history-created = Le compte a été créé.
history-imported = Le compte a été importé d’un autre système.
history-disabled = Le compte a été désactivé.
history-enabled = Le compte a été réactivé.
history-locked = Le compte a été verrouillé.
history-unlocked = Le compte a été déverrouillé.
history-all_ended = Toutes les connexions ont pris fin.
history-passkey_added = Une clé d’accès a été ajoutée.
history-passkey_removed = Une clé d’accès a été supprimée.
history-passkey_renamed = Une clé d’accès a changé de nom.
history-passkey_suspended = Une clé d’accès a été suspendue : elle a peut-être été copiée.
history-app_added = Une application d’authentification a été ajoutée.
history-app_removed = Une application d’authentification a été supprimée.
history-codes_renewed = De nouveaux codes de récupération ont été créés.
history-code_used = Un code de récupération a été utilisé.
history-second_closed = Après trop de codes erronés, les navigateurs inconnus sont refusés jusqu’à ce que vous changiez votre mot de passe.
history-device_remembered = La seconde étape n’est plus demandée sur un appareil.
history-device_forgotten = La seconde étape est de nouveau demandée sur un appareil.
history-password_changed = Le mot de passe a été changé.
history-password_reset = Un autre mot de passe a été défini.
history-email_started = Un changement d’adresse a été commencé.
history-email_changed = L’adresse a été changée.
history-email_undone = Un changement d’adresse a été annulé.
history-recovery_started = Une récupération du compte a été commencée.
history-recovery_delayed = Une récupération du compte est en attente.
history-recovery_stopped = Une récupération du compte a été arrêtée.
history-recovery_finished = Le compte a été récupéré.
history-consent_given = Une application a obtenu l’accès.
history-consent_withdrawn = Une application a perdu l’accès.
history-profile_changed = Le profil a été modifié.
history-export_made = Une copie des données a été créée.
history-export_fetched = Une copie des données a été récupérée.
history-deletion_requested = La suppression du compte a été demandée.
history-deletion_kept = Le compte a finalement été conservé.
history-other = Quelque chose a changé dans le compte : { $what }.

## register

register-title = Créer un compte
register-lede = Saisissez d’abord votre adresse e-mail. Nous vous envoyons un code pour la confirmer.
register-email = Adresse e-mail
register-email_help = Elle reste à vous seul : personne d’autre ici ne la voit.
register-website = Laissez ce champ vide
register-terms = J’accepte les conditions
register-terms_read = Lire les conditions (version { $version })
register-do = Envoyer le code
register-cancel = Annuler
register-signed_in = Vous êtes connecté en tant que { $name }.
register-stay = Continuer avec ce compte
register-another = Créer un autre compte
register-work_without = Cette page travaille une seconde sans vous, pour tenir les programmes à distance. Il lui faut JavaScript : sans lui, un administrateur examine d’abord votre compte.
register-check_title = Consultez vos e‑mails
register-check_lede = Nous avons écrit à { $email }. Saisissez le code ici, ou ouvrez le lien de l’e-mail.
register-code = Code
register-code_help = Six chiffres, valables 30 minutes. Regardez dans les courriers indésirables s’il n’arrive pas.
register-verify = Confirmer
register-resend = Envoyer un autre code
register-sent = Un autre e-mail est en route. Les codes précédents restent valables.
register-change_email = Utiliser une autre adresse
register-link_title = Confirmez votre adresse
register-link_here = Ceci confirme votre adresse e-mail, et vous continuez la création de votre compte.
register-link_elsewhere = Cette démarche a été commencée dans un autre navigateur. Vous pouvez y saisir le code reçu par e-mail, ou continuer ici avec cette adresse.
register-link_confirm = Confirmer l’adresse
register-link_start = Continuer ici
register-invited = Vous êtes invité à créer un compte. Rien ne se passe tant que vous n’acceptez pas.
register-invited_as = Vous êtes connecté en tant que { $name }. Acceptez pour utiliser l’invitation avec ce compte.
register-accept = Accepter l’invitation
register-finish_title = C’est presque terminé
register-finish_lede = Votre adresse { $email } est confirmée.
register-name = Nom
register-name_help = Tel que les autres le voient. Vous pouvez le laisser vide.
register-username = Nom d’utilisateur
register-username_help = Vous vous connectez avec lui ou avec votre adresse.
register-password = Mot de passe
register-password_help = Quelques mots conviennent bien.
register-finish = Créer le compte
register-wait_title = Votre compte est en attente d’approbation
register-wait = Ici, un administrateur examine chaque nouveau compte. Nous vous écrirons.
register-to_sign_in = Se connecter

## terms

terms-title = Les conditions ont changé
terms-lede = Lisez-les et acceptez-les pour continuer. Si vous les refusez, vous êtes déconnecté.
terms-until = Vous pouvez le faire plus tard, jusqu’au { $date }.
terms-accept = Accepter et continuer
terms-later = Plus tard
terms-refuse = Refuser et se déconnecter

## outbox

outbox-title = Boîte d’envoi
outbox-help = Cette installation n’envoie pas d’e-mails. Ceux qu’elle aurait envoyés sont ici, pour cette machine seulement.
outbox-none = Il n’y a aucun e-mail.
outbox-open = Afficher
outbox-link = Ouvrir le lien

## mail

mail-footer = Envoyé par { $host }. Personne ne lit les réponses à cette adresse.
mail-when = Quand : { $at }
mail-when_where = Quand : { $at }, avec { $device }
mail-valid = Valable jusqu’au { $at }
mail-not_you = Si ce n’était pas vous, ouvrez votre compte, mettez fin aux sessions que vous ne reconnaissez pas et changez votre façon de vous connecter. Si vous n’y arrivez pas, contactez l’administrateur de ce site.
mail-ignore = Si vous n’avez rien demandé, ignorez cet e-mail. Sans lui, rien ne se passe.
mail-account_do = Ouvrir votre compte
mail-link = { $label } :
mail-registration_subject = Votre code pour { $host } : { $code }
mail-registration_lead = Pour créer votre compte sur { $host }, saisissez ce code là où vous avez commencé, ou ouvrez le lien.
mail-registration_do = Confirmer l’adresse
mail-account_exists_subject = Vous avez déjà un compte sur { $host }
mail-account_exists_lead = Quelqu’un a voulu créer un compte avec cette adresse, et il en existe déjà un. Si c’était vous, connectez-vous.
mail-approved_subject = Votre compte sur { $host } a été approuvé
mail-approved_lead = Vous pouvez maintenant vous connecter.
mail-not_approved_subject = Votre compte sur { $host } n’a pas été approuvé
mail-not_approved_lead = Les administrateurs de ce site ont décidé de ne pas vous ouvrir de compte. Ce que vous aviez saisi a été supprimé.
mail-invitation_subject = Invitation à rejoindre { $host }
mail-invitation_lead = Vous êtes invité à créer un compte sur { $host }.
mail-invitation_do = Accepter l’invitation
mail-sign_in_code_subject = Votre code pour { $host } : { $code }
mail-sign_in_code_lead = Saisissez ce code pour vous connecter sur { $host }. Ne le donnez jamais à quelqu’un qui vous le demande.
mail-passkey_added_subject = Une clé d’accès a été ajoutée à votre compte
mail-passkey_added_lead = La clé d’accès « { $name } » permet de se connecter à votre compte.
mail-passkey_removed_subject = Une clé d’accès a été supprimée de votre compte
mail-passkey_removed_lead = La clé d’accès « { $name } » ne permet plus de se connecter.
mail-passkey_suspended_subject = L’une de vos clés d’accès a peut-être été copiée
mail-passkey_suspended_lead = La clé d’accès « { $name } » s’est comportée comme s’il en existait une copie : elle ne peut donc plus être utilisée.
mail-factor_added_subject = Une seconde étape a été ajoutée à votre compte
mail-factor_added_lead = Désormais, elle est demandée à la connexion.
mail-factor_removed_subject = Une seconde étape a été supprimée de votre compte
mail-factor_removed_lead = Elle n’est plus demandée à la connexion.
mail-second_step_guessed_subject = Quelqu’un connaît votre mot de passe
mail-second_step_guessed_lead = Quelqu’un a saisi votre mot de passe, puis a échoué plusieurs fois à la seconde étape. Les navigateurs inconnus ne peuvent plus utiliser ce mot de passe tant que vous ne l’avez pas changé.
mail-recovery_code_used_subject = Un code de récupération a été utilisé
mail-recovery_code_used_lead =
    { $n ->
        [0] Un code de récupération a été utilisé pour se connecter à votre compte. C’était le dernier : créez-en de nouveaux.
        [one] Un code de récupération a été utilisé pour se connecter à votre compte. Il en reste un.
       *[other] Un code de récupération a été utilisé pour se connecter à votre compte. Il en reste { $n }.
    }
mail-recovery_codes_renewed_subject = Vous avez de nouveaux codes de récupération
mail-recovery_codes_renewed_lead = Les codes de récupération de votre compte ont été renouvelés. Les anciens ne peuvent plus être utilisés.
mail-password_reset_subject = Choisissez un nouveau mot de passe pour { $host }
mail-password_reset_lead = Quelqu’un a demandé un nouveau mot de passe pour votre compte. Ouvrez le lien pour en choisir un.
mail-admin_reset_subject = Retrouvez l’accès à votre compte sur { $host }
mail-admin_reset_lead = Un administrateur a lancé cette démarche pour vous. Ouvrez le lien pour choisir comment vous vous connectez.
mail-welcome_subject = Votre compte sur { $host }
mail-welcome_lead = Votre compte a été transféré sur { $host }. Ouvrez le lien pour choisir comment vous vous connectez.
mail-reset_do = Choisir un nouveau mot de passe
mail-password_changed_subject = Votre mot de passe a été changé
mail-password_changed_lead = Tous les autres navigateurs et applications ont été déconnectés.
mail-email_code_subject = Votre code pour { $host } : { $code }
mail-email_code_lead = Saisissez ce code pour utiliser cette adresse avec votre compte.
mail-email_changed_subject = L’adresse de votre compte a été changée
mail-email_changed_lead = Votre compte a maintenant une autre adresse e-mail. Si ce n’était pas vous, annulez ce changement : cela déconnecte aussi tous les navigateurs et toutes les applications.
mail-undo_do = Annuler le changement
mail-notice_address_subject = La seconde adresse de notification a changé
mail-notice_address_lead = Une seconde adresse de notification a été ajoutée à votre compte ou en a été supprimée.
mail-email_new_subject = Cette adresse est maintenant celle de votre compte
mail-email_new_lead = L’adresse e-mail de votre compte a été remplacée par celle-ci.
mail-email_undone_subject = Le changement de votre adresse a été annulé
mail-email_undone_lead = Votre compte a retrouvé son ancienne adresse e-mail, et tous les navigateurs et applications ont été déconnectés.
mail-recovery_started_subject = Quelqu’un est en train de récupérer votre compte
mail-recovery_started_lead = Quelqu’un qui peut lire cette boîte aux lettres a demandé à retrouver l’accès à votre compte, et pourra terminer à partir du { $at }. Si ce n’est pas vous, arrêtez la récupération.
mail-stop_do = Arrêter la récupération
mail-recovery_stopped_subject = La récupération de votre compte a été arrêtée
mail-recovery_stopped_lead = Rien n’a été changé.
mail-recovery_finished_subject = Votre compte a été récupéré
mail-recovery_finished_lead = Tous les autres navigateurs et applications ont été déconnectés.
mail-provider_connected_subject = Un moyen de connexion a été associé
mail-provider_connected_lead = Vous pouvez vous connecter à votre compte avec { $provider }.
mail-provider_removed_subject = Un moyen de connexion a été supprimé
mail-provider_removed_lead = La connexion avec { $provider } ne mène plus à votre compte.
mail-export_ready_subject = Vos données peuvent être téléchargées
mail-export_ready_lead = La copie de vos données est prête sur la page de votre compte.
mail-deletion_requested_subject = Votre compte va être supprimé
mail-deletion_requested_lead = Votre compte et tout ce qu’il contient seront supprimés le { $at }. Connectez-vous avant cette date pour le conserver.
mail-deleted_subject = Votre compte sur { $host } a été supprimé
mail-deleted_lead = Votre compte et vos données ont été supprimés. C’est le dernier e-mail à ce sujet.

## recover

error-identifier = Saisissez votre nom d’utilisateur ou votre adresse e-mail.
error-review = Décidez pour chaque moyen de connexion : le garder ou le supprimer.
error-recovery_wait = La récupération pourra être terminée à partir du { $date }. Toutes les adresses du compte ont été prévenues, et chacune permet de l’arrêter.
error-password_wrong = Ce n’est pas le bon mot de passe.
error-sign_in_again = Déconnectez-vous et reconnectez-vous pour changer cela.
login-lost = Mot de passe oublié ?
login-or = ou
recover-title = Retrouver l’accès à votre compte
recover-lede = Saisissez votre nom d’utilisateur ou votre adresse e-mail. Nous envoyons un lien à l’adresse du compte.
recover-do = Envoyer le lien
recover-sent = Si un compte existe, un e-mail est en route. Son lien fonctionne pendant 30 minutes, dans n’importe quel navigateur.
recover-to_sign_in = Se connecter
recover-to_account = Ouvrir votre compte
recover-again = Demander un autre lien
recover-over_title = Ce lien ne fonctionne plus
recover-link_lede = Continuez pour choisir comment vous vous connecterez désormais. Rien n’a encore changé.
recover-link_do = Continuer
recover-second_title = Encore une étape
recover-second_lede = Votre compte est protégé par plus qu’un mot de passe. Montrez qu’il est à vous : par un code de votre application, un code de récupération ou votre clé d’accès.
recover-second_lede_code = Votre compte est protégé par plus qu’un mot de passe. Montrez qu’il est à vous : par un code de votre application ou un code de récupération.
recover-second_lede_passkey = Votre compte est protégé par plus qu’un mot de passe. Montrez qu’il est à vous avec votre clé d’accès.
recover-with_passkey = Une clé d’accès ne demande pas de mot de passe. Connectez-vous avec elle, puis choisissez un nouveau mot de passe sur la page de votre compte.
recover-second_code = Code
recover-lost = Avez-vous perdu votre seconde étape ?
recover-wait_help = Vous pouvez attendre à la place. Nous écrivons à toutes les adresses du compte, et son propriétaire peut arrêter la récupération.
recover-wait_password = Avec votre mot de passe, vous pouvez attendre à la place. Nous écrivons à toutes les adresses du compte, et son propriétaire peut arrêter la récupération.
recover-wait_long =
    { $n ->
        [one] L’attente dure { $n } heure.
       *[other] L’attente dure { $n } heures.
    }
recover-wait_do = Attendre à la place
recover-wait_title = La récupération est en attente
recover-ask = Si vous avez perdu votre seconde étape, un administrateur de ce site peut vous aider.
recover-new_title = Choisir un nouveau mot de passe
recover-new_lede = Tous les navigateurs et toutes les applications seront déconnectés.
recover-password = Nouveau mot de passe
recover-password_help =
    { $n ->
        [one] Au moins { $n } caractère ; quelques mots conviennent bien.
       *[other] Au moins { $n } caractères ; quelques mots conviennent bien.
    }
recover-password_help_beside = Au moins { $n } caractères, ou { $beside } à côté d’une application d’authentification que vous gardez ; quelques mots conviennent bien.
recover-ways = Autres moyens de connexion
recover-ways_help = Gardez ce qui est à vous. Supprimez ce que vous ne reconnaissez pas ou avez perdu.
recover-way_passkey = Clé d’accès « { $name } »
recover-way_totp = Application d’authentification « { $name } »
recover-way_codes = Codes de récupération
recover-way_provider = Compte chez { $name }
recover-keep = Garder
recover-remove = Supprimer
recover-save = Enregistrer
recover-no_password = Supprimer le mot de passe : je me connecte uniquement avec une clé d’accès
recover-passkey = Créer une clé d’accès et enregistrer
recover-done_title = Vous avez retrouvé votre compte
recover-done = Le nouveau mot de passe est valable dès maintenant, et tous les navigateurs et applications ont été déconnectés.
recover-stop_title = Arrêter la récupération
recover-stop_lede = Quelqu’un est en train d’accéder à ce compte sans sa seconde étape. Si ce n’est pas vous, arrêtez la récupération.
recover-stop_do = L’arrêter
recover-stopped = La récupération a été arrêtée, et rien n’a été changé.

## password

password-title = Changer votre mot de passe
password-lede = Tous les autres navigateurs et toutes les applications seront déconnectés.
password-before_app = Votre mot de passe est trop court pour suffire à lui seul. Choisissez-en un plus long, puis supprimez l’application.
password-current = Mot de passe actuel
password-new = Nouveau mot de passe
password-strength = Difficulté à deviner
password-do = Changer le mot de passe

## profile

profile-title = Votre profil
profile-lede = Ce que vous dites de vous. Les applications ne le voient que si vous l’autorisez, et tout peut rester vide.
profile-name = Nom complet
profile-given_name = Prénom
profile-middle_name = Autres prénoms
profile-family_name = Nom de famille
profile-nickname = Surnom
profile-birthdate = Date de naissance
profile-birthdate_help = Sous la forme année-mois-jour, par exemple 1990-05-17. L’année seule suffit ; sans année, écrivez 0000-05-17.
profile-website = Site web
profile-website_help = L’adresse commence par https://.
profile-phone = Téléphone
profile-phone_help = Avec le signe plus et l’indicatif du pays, par exemple +33 1 00 00 00 00.
profile-street_address = Rue et numéro
profile-postal_code = Code postal
profile-address_level2 = Ville
profile-country_name = Pays
profile-locale = Langue
profile-locale_browser = Celle que demande mon navigateur
profile-locale_help = La langue de ces pages et des courriels, et celle que les applications apprennent.
profile-zoneinfo = Fuseau horaire
profile-zoneinfo_none = Non indiqué
profile-do = Enregistrer
profile-back = Retour à votre compte
profile-picture = Photo
profile-picture_file = Photo à envoyer
profile-picture_help = JPEG, PNG ou WebP de 2 Mio au plus. Le carré du milieu est gardé.
profile-picture_do = Envoyer
profile-picture_remove = Retirer la photo
profile-done_saved = Votre profil a été enregistré.
profile-done_picture = Votre photo a été enregistrée.
profile-done_removed = Votre photo a été retirée.

## email

email-title = Changer votre adresse e‑mail
email-lede = L’adresse de votre compte est { $email }. Elle reste en place jusqu’à ce que la nouvelle soit confirmée.
email-new = Nouvelle adresse e-mail
email-do = Envoyer un code
email-check_title = Consultez vos e‑mails
email-check_lede = Nous avons écrit à { $email }. Saisissez le code ici.
email-code = Code
email-verify = Confirmer l’adresse
email-again = Utiliser une autre adresse
email-undo_title = Annuler le changement de votre adresse
email-undo_lede = Votre compte retrouve son ancienne adresse, et tous les navigateurs et applications sont déconnectés.
email-undo_do = Annuler le changement
email-undone = Le compte a retrouvé son ancienne adresse. Tous les navigateurs et applications ont été déconnectés. Si vous ne pouvez pas vous connecter, récupérez le compte : cela prend maintenant quelques jours, et les deux adresses sont prévenues.

## account_delete
delete-title = Supprimer votre compte
delete-lede = Votre compte sera supprimé dans 14 jours. D’ici là, vous pouvez vous connecter et le garder.
delete-what = Tous les navigateurs et toutes les applications sont déconnectés tout de suite. Après 14 jours, vos données sont effacées, ici et dans tous les services, et personne n’obtient votre nom d’utilisateur ni votre adresse pendant un an.
delete-export = Télécharger d’abord une copie de vos données
delete-username = Votre nom d’utilisateur
delete-username_help = Pour confirmer, saisissez { $name }.
delete-do = Supprimer mon compte
delete-requested_title = Votre compte va être supprimé
delete-requested = Votre compte sera supprimé dans 14 jours. Pour le garder, connectez-vous d’ici là. Nous vous avons écrit.
delete-to_account = Retour au compte
error-wrong_name = Ce n’est pas le nom d’utilisateur de ce compte.
error-last_administrator = Vous êtes le dernier administrateur. Nommez d’abord quelqu’un d’autre.
cause-deletion_requested = La suppression du compte a été demandée.

## account_export
export-title = Télécharger vos données
export-lede = Un fichier avec tout ce qui est conservé ici à votre sujet, sans mots de passe ni autres secrets.
export-none = Il n’y a pas encore de copie. Vous pouvez en demander une par jour.
export-waiting = Votre copie est en préparation. Rouvrez cette page dans un instant.
export-ready = Votre copie est prête. Vous pouvez la télécharger ici jusqu’au { $date }.
export-elsewhere = Une copie est prête jusqu’au { $date }, dans le navigateur qui l’a demandée et là seulement.
export-download = Télécharger
export-do = Préparer une copie
error-export_limit = Vous avez demandé une copie il y a moins d’un jour. Redemandez-en une demain.

## required_deletion
keep-title = Garder votre compte ?
keep-do = Garder le compte
keep-sign_out = Se déconnecter
error-deletion_pending = Ce compte sera supprimé le { $date }.

## upstream

upstream-title = Se connecter avec un autre fournisseur
upstream-with = Continuer avec { $provider }
upstream-to_providers = Aller à vos comptes associés
upstream-to_sign_in = Aller à la page de connexion
upstream-confirm_title = Associer un compte
upstream-confirm_heading = Associer votre compte { $provider } ?
upstream-confirm_lede = Vous êtes connecté en tant que { $name }. Quiconque peut se connecter là-bas pourra se connecter ici.
upstream-connect = Associer
upstream-register_title = Créer votre compte
upstream-register_lede = Vous vous connectez avec { $provider } : il ne vous faut pas de mot de passe ici. Choisissez un nom d’utilisateur.

## providers

providers-title = Comptes associés
providers-lede = Les comptes d’ailleurs avec lesquels vous vous connectez.
providers-list = Associés
providers-none = Aucun compte n’est associé.
providers-off = Désactivé
providers-linked = Associé
providers-everywhere = Déconnecter tous mes autres appareils et applications
providers-remove = Supprimer
providers-others = Associer un autre compte
providers-connect = Associer { $provider }
providers-done_connected = Le compte est associé.
providers-done_removed = Le compte est supprimé.

## notices

notices-title = Notifications
notices-lede = Les notifications concernant votre compte sont envoyées à { $email }, et à une seconde adresse si vous en ajoutez une.
notices-refused = Le dernier e-mail envoyé à cette adresse a été refusé. Vérifiez-la ou changez-la.
notices-email = Seconde adresse
notices-help = Elle ne reçoit que des notifications : elle ne permet ni de se connecter ni de récupérer le compte.
notices-remove = Supprimer la seconde adresse
