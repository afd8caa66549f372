### What the issuer's pages say. Labels are part of the contract of docs/pages.md.
### The message that the code calls `section.name` is `section-name` here.

## id

id-name = Latchkey
id-footer = Vous êtes sur

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
error-approval_wait = Votre compte est en attente d’approbation. Nous vous écrirons.
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
account-second_help = Après votre mot de passe, le code de l’une de ces applications vous est demandé.
account-app_name = Application d’authentification
account-app_since = depuis le
account-app_add = Ajouter une application d’authentification
account-app_remove = Supprimer
account-done_app = L’application d’authentification est configurée.
account-done_app_removed = L’application d’authentification est supprimée. Vous êtes déconnecté partout ailleurs.
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
cause-other = Il a été mis fin à cette connexion.

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
mail-reset_do = Choisir un nouveau mot de passe
mail-password_changed_subject = Votre mot de passe a été changé
mail-password_changed_lead = Tous les autres navigateurs et applications ont été déconnectés.
mail-email_code_subject = Votre code pour { $host } : { $code }
mail-email_code_lead = Saisissez ce code pour utiliser cette adresse avec votre compte.
mail-email_changed_subject = L’adresse de votre compte a été changée
mail-email_changed_lead = Votre compte a maintenant une autre adresse e-mail. Si ce n’était pas vous, annulez ce changement : cela déconnecte aussi tous les navigateurs et toutes les applications.
mail-undo_do = Annuler le changement
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
password-do = Changer le mot de passe

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
