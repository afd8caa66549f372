### What the shop says, in French. The spaces before : ; ! ? and inside « » are no-break spaces.
### The message that the code calls `section.name` is `section-name` here.

## shop

shop-name = Latchkey Courses
shop-footer = Des cours par celles et ceux qui font le métier qu’ils enseignent.

## nav

nav-main = Menu principal
nav-courses = Tous les cours
nav-crumbs = Vous êtes ici
nav-home = Accueil
nav-sign_in = Se connecter
nav-menu = Votre menu
nav-library = Votre bibliothèque
nav-orders = Vos commandes
nav-wallet = Votre portefeuille
nav-teach = Vos cours
nav-teaching = Enseigner
nav-account = Votre compte
nav-basket = Panier
nav-in_basket =
    { $n ->
        [one] avec { $n } cours
       *[other] avec { $n } cours
    }
nav-sign_out = Se déconnecter partout

## search

search-label = Rechercher des cours
search-do = Rechercher
search-suggestions = Titres proches

## home

home-headline = Apprenez auprès de quelqu’un dont c’est le métier.
home-promise = Des cours brefs, faits avec soin. Vous voyez le titre et la durée de chaque leçon avant de vous décider.
home-ask = Que voulez-vous apprendre ?
home-lead = Vient de paraître
home-subjects = Sujets
home-new = Nouveautés
home-beginner = Partir de zéro
home-all = Tout voir

## listing

listing-title = Tous les cours
listing-found = Cours pour « { $q } »
listing-results = Résultats
listing-pages = Pages
listing-first = Revenir à la première page
listing-next = Page suivante
listing-all = Tout effacer
listing-empty = Aucun cours ne correspond. Avec moins de mots ou moins de filtres, vous en trouverez davantage.
listing-empty_shelf = Il n’y a pas encore de cours ici.
listing-description = Recherchez parmi tous les cours et filtrez-les par sujet, niveau, langue et prix.

## filter

filter-title = Filtres
filter-words = Mots
filter-category = Sujet
filter-level = Niveau
filter-language = Langue
filter-price = Prix
filter-rating = Note
filter-any_rating = Toutes les notes
filter-stars_up =
    { $n ->
        [one] { $n } étoile et plus
       *[other] { $n } étoiles et plus
    }
filter-sort = Tri
filter-any_category = Tous les sujets
filter-any_level = Tous les niveaux
filter-any_language = Toutes les langues
filter-any_price = Tous les prix
filter-up_to = Jusqu’à { $price }
filter-apply = Afficher les cours
filter-clear = Tout effacer
filter-active = Filtres actifs
filter-remove = Retirer :

## sort

sort-relevance = Les plus pertinents d’abord
sort-newest = Les plus récents d’abord
sort-top_rated = Les mieux notés d’abord
sort-price_asc = Les moins chers d’abord
sort-price_desc = Les plus chers d’abord
sort-title = Par titre

## level

level-beginner = Débutant
level-intermediate = Intermédiaire
level-advanced = Avancé
level-all = Pour tous les niveaux

## language

language-de = Deutsch
language-en = English
language-es = Español
language-fr = Français
language-it = Italiano
language-pt = Português
language-tr = Türkçe

## card

card-limited = Places limitées

## price

price-free = Gratuit
price-was = Prix habituel
price-saved = Vous économisez { $saved } ({ $percent } %)
price-text = { $amount }{"\u00A0"}{ $symbol }
price-point = ,
price-thousands = {"\u202F"}
price-percent = { $percent }{"\u00A0"}%

## unit

unit-lessons =
    { $n ->
        [one] { $n }{"\u00A0"}leçon
       *[other] { $n }{"\u00A0"}leçons
    }
unit-sections =
    { $n ->
        [one] { $n } section
       *[other] { $n } sections
    }
unit-minutes = { $m }{"\u00A0"}min
unit-hours = { $h }{"\u00A0"}h
unit-hours_minutes = { $h }{"\u00A0"}h{"\u00A0"}{ $m }{"\u00A0"}min

## rating

rating-stars = Note : { $average } sur 5
rating-reviews =
    { $n ->
        [one] { $n } avis
       *[other] { $n } avis
    }
rating-n_stars =
    { $n ->
        [one] { $n } étoile
       *[other] { $n } étoiles
    }

## reviews

reviews-title = L’avis des personnes inscrites
reviews-of = Avis sur « { $title } »
reviews-none = Personne n’a encore donné d’avis sur ce cours.
reviews-all = Tous les avis
reviews-unsigned = Une personne qui a acheté ce cours

## review

review-write = Donner un avis
review-change = Votre avis
review-stars = Combien d’étoiles ?
review-text = Que devraient savoir les autres ?
review-text_help = Facultatif. 2 000 caractères au plus.
review-name = Signature
review-name_help = Tout le monde voit ce nom. Laissez ce champ vide pour rester anonyme.
review-send = Envoyer l’avis
review-withdraw = Retirer l’avis
review-no_stars = Choisissez le nombre d’étoiles.
review-invalid = Le texte ou le nom est trop long, ou contient des caractères qui ne peuvent pas être affichés.
review-not_owner_yet = Seules les personnes qui ont acheté un cours peuvent donner un avis. Si vous venez de l’acheter, réessayez dans un instant.
review-done_written = Merci pour votre avis.
review-done_written_next = Il figure maintenant sur cette page, et vous pouvez le modifier à tout moment.
review-done_withdrawn = Votre avis est retiré.
review-done_withdrawn_next = Vous pouvez en écrire un autre à tout moment.

## course

course-by = Enseigné par { $name }
course-outcomes = Ce que vous saurez faire
course-about = À propos de ce cours
course-curriculum = Programme
course-requirements = Ce qu’il vous faut
course-instructor = Qui enseigne ce cours
course-preview = Aperçu

## buy

buy-title = Prix et contenu
buy-not_yet = Les inscriptions ne sont pas encore ouvertes
buy-when = Vous pourrez vous inscrire ici, sur cette page.
buy-limited = Les places sont limitées
buy-seats =
    { $n ->
        [one] { $n } place restante
       *[other] { $n } places restantes
    }
buy-add = Ajouter au panier
buy-in_basket = Ce cours est dans votre panier.
buy-to_basket = Voir le panier
buy-owned = Ce cours est à vous.
buy-learn = Aller au cours
buy-sold_out = Il n’y a plus de place
buy-sold_out_next = Si d’autres places s’ouvrent, vous pourrez vous inscrire ici.
buy-included = Ce qui est compris
buy-previews =
    { $n ->
        [one] { $n } leçon en aperçu
       *[other] { $n } leçons en aperçu
    }
buy-language = Langue : { $language }
buy-updated = Mis à jour le

## basket

basket-title = Votre panier
basket-lines = Cours dans votre panier
basket-empty = Votre panier est vide.
basket-look = Voir les cours
basket-only_saved = Votre panier est vide. Ce que vous avez gardé pour plus tard est ci-dessous.
basket-unknown = Un cours qui n’est plus dans la boutique
basket-each = { $price } l’unité
basket-quantity = Quantité
basket-change = Modifier
basket-save = Garder pour plus tard
basket-move = Mettre au panier
basket-remove = Retirer
basket-saved = Gardés pour plus tard
basket-sum = Récapitulatif
basket-subtotal = Sous-total
basket-total = Total
basket-checkout = Passer commande
basket-sign_in_to_checkout = Se connecter pour commander
basket-price_changed = Le prix était de { $before } quand vous l’avez ajouté. C’est le prix du jour qui compte.
basket-line_owned = Ce cours est déjà à vous. Retirez-le pour continuer.
basket-line_sold_out = Il n’y a plus de place. Gardez-le pour plus tard ou retirez-le pour continuer.
basket-line_unavailable = Cet article n’est plus en vente. Retirez-le pour continuer.
basket-not_ready = Un article de votre panier ne peut pas être acheté.
basket-not_ready_next = Retirez-le ou gardez-le pour plus tard, puis passez commande.
basket-added = C’est dans votre panier.
basket-added_next = Passez commande, ou continuez à regarder.
basket-owned = Ce cours est déjà à vous.
basket-owned_next = Rien n’a été ajouté.
basket-not_for_sale = Ce cours n’est pas en vente.
basket-not_for_sale_next = Rien n’a été ajouté.
basket-full = Votre panier est plein.
basket-full_next = Il contient au plus 50 cours, y compris ceux gardés pour plus tard. Retirez-en un d’abord.
basket-bad_quantity = Cette quantité ne peut pas être achetée.
basket-bad_quantity_next = Rien n’a changé. Indiquez un nombre de 1 à 100.
basket-gone = Cet article n’était plus dans votre panier.
basket-gone_next = Voici ce que contient votre panier.

## coupon

coupon-code = Code promo
coupon-apply = Appliquer
coupon-remove = Retirer le code promo { $code }
coupon-line = Code promo { $code }
coupon-unchecked = Il ne peut pas être vérifié maintenant. Il le sera avant le paiement.
coupon-after_sign_in = Il sera vérifié après la connexion à votre compte.
coupon-expired = Ce code promo n’est pas valable aujourd’hui.
coupon-limit = Ce code promo est épuisé.
coupon-not_eligible = Ce code promo ne vaut pas pour ce qui est dans votre panier.
coupon-min_subtotal = Le montant de votre panier est trop faible pour ce code promo.
coupon-unknown = Ce code promo n’existe pas.
coupon-refused = Ce code promo ne peut pas être utilisé maintenant. Réessayez plus tard.
coupon-bad = Cela ne ressemble pas à un code promo.
coupon-bad_next = Rien n’a changé. Les codes se composent de lettres, de chiffres et de traits d’union.

## wishlist

wishlist-title = Votre liste d’envies
wishlist-courses = Cours pour plus tard
wishlist-keep = Ajouter à la liste d’envies
wishlist-kept = Dans votre liste d’envies
wishlist-none = Votre liste d’envies est vide. La page de chaque cours a un bouton pour l’y ajouter.
wishlist-visitor = Cette liste est gardée une semaine dans ce navigateur. Connectez-vous pour la conserver.
wishlist-price_changed = Le prix était de { $before } quand vous l’avez ajouté.
wishlist-line_owned = Ce cours est déjà à vous.
wishlist-line_sold_out = Il n’y a plus de place pour le moment.
wishlist-line_unavailable = Cet article n’est plus en vente.
wishlist-done_kept = C’est dans votre liste d’envies.
wishlist-done_kept_next = Il y reste jusqu’à ce que vous le mettiez au panier ou le retiriez.
wishlist-done_removed = Ce n’est plus dans votre liste d’envies.
wishlist-done_removed_next = Le cours reste dans la boutique.
wishlist-full = Votre liste d’envies est pleine.
wishlist-full_next = Le panier et la liste d’envies contiennent ensemble au plus 50 cours. Retirez-en un d’abord.

## checkout

checkout-title = Votre commande
checkout-address = 1. Adresse de facturation
checkout-name = Nom
checkout-street = Numéro et rue
checkout-postal_code = Code postal
checkout-city = Ville
checkout-country = Pays
checkout-pay = 2. Paiement
checkout-wallet = Avec votre portefeuille (disponible : { $available })
checkout-wallet_max = Autant que possible
checkout-wallet_some = Pas plus que le montant ci-dessous
checkout-wallet_none = Rien
checkout-wallet_amount = Au plus ce montant
checkout-card = Le reste par carte
checkout-saved_card = { $card }, expiration { $until }
checkout-new_card = Une nouvelle carte
checkout-typed_card = La carte que vous venez de saisir
checkout-save_card = Enregistrer cette carte pour la prochaine fois
checkout-no_card = Pas de carte : le portefeuille paie tout
checkout-card_help = Pour une nouvelle carte. La boutique n’accepte que les cartes de test publiées, comme 4242 4242 4242 4242 ; aucun argent n’est débité.
checkout-card_number = Numéro de carte
checkout-card_expiry = Date d’expiration
checkout-card_month = Mois
checkout-card_year = Année
checkout-card_cvc = Code de sécurité
checkout-review = 3. Vérification
checkout-terms = J’accepte les conditions de la boutique et l’accès immédiat au cours.
checkout-terms_short = Conditions
checkout-buy = Payer { $total }
checkout-buy_free = S’inscrire gratuitement
checkout-trust = Vous ne payez qu’une fois, même si vous cliquez plusieurs fois. Votre numéro de carte est transmis au prestataire de paiement et n’est pas conservé ici.
checkout-faults = Certains champs sont à revoir. Rien n’a été commandé.
checkout-fault = { $field } : { $message }
checkout-fault_missing = remplissez ce champ
checkout-fault_text = texte trop long, ou caractères qui ne peuvent pas être imprimés
checkout-fault_amount = indiquez un montant, comme 20 ou 20,00
checkout-fault_no_payment = choisissez une carte, ou payez avec votre portefeuille
checkout-fault_terms = acceptez-les pour commander
checkout-fault_card_number = ce n’est pas un numéro de carte. Saisissez-le de nouveau
checkout-fault_test_card = seules les cartes de test publiées sont acceptées. Saisissez-en une autre
checkout-fault_many_cards = vous avez dix cartes enregistrées. Choisissez l’une d’elles
checkout-fault_card_expiry = indiquez le mois et l’année comme sur la carte, sans date passée
checkout-fault_card_cvc = indiquez les trois ou quatre chiffres du code de sécurité
checkout-fault_other = La commande n’a pas pu être lue. Vérifiez chaque champ et réessayez.
checkout-basket_changed = Votre panier a changé entre-temps. Rien n’a été commandé.
checkout-basket_changed_next = Vérifiez son contenu et le total, puis commandez de nouveau.
checkout-price_changed = Le prix a changé entre-temps. Rien n’a été commandé.
checkout-price_changed_next = Le nouveau total est ci-dessous. Commandez de nouveau s’il vous convient.
checkout-sent_before = Ce formulaire a déjà été envoyé, avec un autre contenu.
checkout-sent_before_next = Regardez vos commandes avant de le renvoyer.
checkout-away = Nous ne savons pas si votre commande a été prise.
checkout-away_next = Appuyez de nouveau sur le bouton dans un instant. Cela ne peut pas créer deux commandes.
checkout-payment_away = Le service de paiement est injoignable pour le moment. Rien n’a été commandé.
checkout-payment_away_next = En général, cela dure quelques secondes. Votre panier reste tel quel.

## country

country-at = Autriche
country-be = Belgique
country-ch = Suisse
country-de = Allemagne
country-es = Espagne
country-fr = France
country-gb = Royaume-Uni
country-ie = Irlande
country-it = Italie
country-nl = Pays-Bas
country-pl = Pologne
country-pt = Portugal
country-tr = Turquie
country-us = États-Unis

## action

action-title = Confirmez ce paiement
action-lede = L’émetteur de votre carte demande si c’est bien vous qui payez.
action-order = Commande
action-from = Carte
action-amount = Montant
action-until = Répondez avant : { $time }. Ensuite, la commande est annulée et rien n’est débité.
action-approve = Oui, c’est moi
action-deny = Non, arrêter
action-test = Cette page remplace celle d’une banque : la boutique n’accepte que les cartes de test.

## error

error-trace = Si vous nous écrivez à ce sujet, indiquez ce code :
error-to_home = Aller à l’accueil
error-to_courses = Voir tous les cours
error-again = Réessayer
error-back = Revenir à la page
error-bad_title = Nous ne pouvons pas lire cette adresse.
error-bad_next = Il en manque une partie, ou elle a été modifiée. Recommencez la recherche depuis la liste.
error-missing_title = Cette page n’existe pas.
error-missing_next = La page a peut-être été déplacée, ou le cours retiré par la personne qui l’a créé.
error-method_title = Cette page n’accepte pas cette requête.
error-method_next = Cette adresse ne fait qu’afficher une page.
error-foreign_title = Ce formulaire vient d’ailleurs.
error-foreign_next = Nous n’acceptons que les formulaires de nos propres pages. Revenez en arrière et réessayez.
error-broken_title = Quelque chose s’est mal passé de notre côté.
error-broken_next = L’incident est enregistré. Réessayer dans un instant peut suffire.
error-away_title = Les cours sont inaccessibles pour le moment.
error-away_next = En général, cela dure quelques secondes. Vous n’avez rien perdu.
error-part_away_title = Cette partie de la boutique est inaccessible pour le moment.
error-part_away_next = En général, cela dure quelques secondes. Vous n’avez rien perdu.
error-maybe_done = En général, cela dure quelques secondes. Ce que vous avez envoyé a peut-être été fait, ou non : vérifiez d’abord.
error-sign_in_title = La connexion n’a pas abouti.
error-sign_in_next = Elle n’a pas été terminée dans ce navigateur, ou a duré trop longtemps. Recommencez-la.
error-to_sign_in = Se connecter
error-forbidden_title = Votre compte n’est pas autorisé à faire cela.
error-forbidden_next = Contactez la boutique si vous souhaitez enseigner ici.
error-instructor_title = Seuls les formateurs et formatrices créent des cours.
error-instructor_next = Demandez ce rôle à la boutique. Reconnectez-vous ensuite, et cette page s’ouvrira.
error-signed_out_title = Votre session est terminée.
error-signed_out_next = Reconnectez-vous et refaites ce que vous faisiez. Rien n’a été enregistré.

## teach

teach-title = Vos cours
teach-lede = Personne d’autre ne voit vos brouillons avant leur publication.
teach-new = Nouveau cours
teach-none = Vous n’avez pas encore créé de cours.
teach-updated = Modifié le { $day }
teach-draft = Brouillon
teach-published = Publié
teach-unlisted = Hors des listes
teach-archived = Archivé
teach-publish = Publier
teach-unlist = Retirer des listes
teach-archive = Archiver définitivement
teach-archive_ask = Archiver définitivement « { $title } » ?
teach-archive_means = Il n’est plus vendu, et ne peut plus être modifié ni publié. Les personnes inscrites le gardent.
teach-keep = Le garder
teach-see = Le voir dans la boutique
teach-save = Enregistrer
teach-write = Enregistrer le brouillon
teach-stale = Le cours a été modifié entre-temps dans une autre fenêtre. Comparez, puis enregistrez de nouveau.
teach-signed_out = Votre session est terminée. Votre texte est toujours là, mais pas encore enregistré.
teach-signed_out_next = Reconnectez-vous dans un nouvel onglet, revenez à celui-ci, puis enregistrez.
teach-sign_in_again = Se connecter dans un nouvel onglet
teach-again = Cette page a été ouverte avant votre dernière connexion. Rien n’a été enregistré.
teach-again_next = Vérifiez votre texte, puis enregistrez de nouveau.
teach-forbidden = Vous n’avez plus le droit d’enseigner ici. Votre texte est toujours là, mais pas enregistré.
teach-forbidden_next = Gardez-en une copie et redemandez ce droit à la boutique. Ensuite, enregistrez encore une fois.
teach-faults = Certains champs sont à revoir.
teach-faults_next = Rien n’a été enregistré.
teach-fault = { $field } : { $message }
teach-f_title = Titre
teach-f_title_help = De 5 à 120 caractères.
teach-f_subtitle = Une phrase qui dit de quoi il s’agit
teach-f_description = Description
teach-f_description_help = Markdown : paragraphes, listes, mise en valeur, liens. Au moins 100 caractères pour publier.
teach-f_category = Sujet
teach-f_level = Niveau
teach-f_language = Langue
teach-f_price = Prix en euros
teach-f_price_help = 59 ou 59,00 ; 0 signifie gratuit. Nécessaire pour publier.
teach-f_list_price = Prix habituel (facultatif)
teach-f_limited = Les places sont limitées
teach-f_capacity = Nombre de places
teach-f_capacity_help = Seulement si elles sont limitées ; c’est alors nécessaire pour publier.
teach-capacity_later = Le nombre de places n’est pas encore enregistré. Enregistrez de nouveau dans un instant.
teach-capacity_taken = Le nombre de places n’a pas changé : il y en a déjà plus d’occupées.
teach-f_outcomes = Ce que l’on saura faire
teach-f_requirements = Ce qu’il faut au départ
teach-f_lines_help = Un élément par ligne.
teach-f_sections = Programme
teach-f_sections_help = Laissez vides les lignes dont vous n’avez pas besoin. L’enregistrement en ajoute de nouvelles.
teach-f_section = Section { $n }
teach-f_lesson = Leçon { $n }
teach-f_minutes = Minutes
teach-f_preview = Aperçu gratuit
teach-no_category = Pas encore choisi
teach-f_photo = Photo
teach-photo_file = Une image qui montre de quoi parle le cours
teach-photo_help = JPEG, PNG ou WebP, 8 Mio au plus. Enregistrez d’abord votre texte : l’envoi recharge cette page.
teach-photo_upload = Envoyer la photo
teach-photo_remove = Retirer la photo
teach-photo_empty = choisissez d’abord un fichier.
teach-photo_too_long = le fichier dépasse 8 Mio. Réduisez-le.
teach-photo_no_picture = le fichier n’est ni un JPEG, ni un PNG, ni un WebP.
teach-photo_too_large = l’image dépasse 40 mégapixels, ou 8 192 pixels de côté. Réduisez-la.
teach-photo_moving = l’image est animée. Choisissez une image fixe.
teach-photo_damaged = l’image ne peut pas être lue jusqu’au bout. Enregistrez-la de nouveau avec un logiciel de retouche.
teach-photo_quota = vous avez 500 photos. Supprimez d’abord une photo qu’aucun cours n’affiche.
teach-photo_busy = les photos ne peuvent pas être reçues pour le moment. Réessayez dans une minute.
teach-photo_stale = le cours a été modifié entre-temps dans une autre fenêtre. Envoyez la photo de nouveau.
teach-done_photo = La photo est envoyée.
teach-done_photo_next = Le cours l’affiche désormais.
teach-done_no_photo = La photo est retirée.
teach-done_no_photo_next = Le cours affiche l’image dessinée pour lui.
teach-done_created = Votre brouillon est enregistré.
teach-done_created_next = Personne d’autre ne le voit avant sa publication.
teach-done_saved = Vos modifications sont enregistrées.
teach-done_saved_next = Un cours publié les affiche aussitôt.
teach-done_publish = Votre cours est public.
teach-done_publish_next = Tout le monde peut maintenant le trouver dans la boutique.
teach-done_unlist = Votre cours n’est plus dans les listes.
teach-done_unlist_next = Toute personne qui a son adresse peut encore le voir.
teach-done_archive = Votre cours est archivé.
teach-done_archive_next = Il n’est plus vendu. Les personnes inscrites le gardent.
teach-state = État

## fault

fault-control = contient des caractères de contrôle
fault-at_most = compte plus de { $most } caractères
fault-between = doit compter de { $least } à { $most } caractères
fault-at_least = doit compter au moins { $least } caractères
fault-entries = compte plus de { $most } entrées
fault-money = doit être compris entre { $least } et { $most } centimes
fault-range = doit être compris entre { $least } et { $most }
fault-category = ne désigne aucun sujet existant
fault-category_unset = doit être choisi
fault-language = doit être un code de langue comme en ou pt-BR
fault-list_below = ne doit pas être inférieur au prix
fault-list_alone = exige un prix
fault-price_unset = doit être indiqué ; 0 signifie gratuit
fault-no_lesson = doit contenir au moins une leçon
fault-places_unset = doit être indiqué : dites combien il y a de places
fault-price_form = doit être un prix comme 59 ou 59,00
fault-places_form = doit être un nombre entier comme 12
fault-minutes = « { $lesson } » a besoin d’une durée en minutes

## orders

orders-title = Vos commandes
orders-none = Vous n’avez encore rien commandé.
orders-browse = Voir les cours
orders-more =
    { $n ->
        [one] et { $n } autre
       *[other] et { $n } autres
    }
orders-on = Commandé le { $day }

## order

order-title = Commande { $number }
order-lines = Ce que vous avez commandé
order-known_as = S’appelle maintenant « { $title } »
order-quantity = × { $n }
order-line_refunded = Remboursé
order-sums = Montant
order-subtotal = Sous-total
order-discount = Réduction
order-discount_code = Réduction avec le code { $code }
order-total = Total
order-tax = Dont taxes
order-from_wallet = Payé avec votre portefeuille
order-from_card = Payé par carte
order-refunded = Remboursé jusqu’ici
order-address = Facturé à
order-history = Ce qui s’est passé
order-follow = Suivre la commande
order-learn = Aller à votre bibliothèque
order-invoice = Facture

## order_state

order_state-submitted = Réservation en cours
order_state-reserved = Paiement en cours
order_state-action_required = Vous attend
order_state-capturing = Paiement en cours
order_state-paid = Payée
order_state-compensating = Annulation en cours
order_state-completed = Terminée
order_state-refunding = Remboursement en cours
order_state-partially_refunded = Remboursée en partie
order_state-refunded = Remboursée
order_state-failed = N’a pas abouti
order_state-cancelled = Annulée

## order_told

order_told-submitted = Nous réservons vos places. En général, cela prend une seconde.
order_told-reserved = Vos places sont réservées. Nous demandons le paiement.
order_told-action_required = Votre banque vous demande de confirmer le paiement. D’ici là, vos places restent réservées.
order_told-capturing = Votre paiement est confirmé et en cours d’encaissement. La commande ne peut plus être annulée.
order_told-paid = Vous avez payé. Votre accès est en préparation ; vous n’avez pas besoin d’attendre ici.
order_told-compensating = Cette commande n’aboutira pas. Ce qui était réservé est en cours de restitution.
order_told-completed = Tout est prêt. Vos cours sont dans votre bibliothèque.
order_told-refunding = Votre remboursement est en cours : l’accès prend fin d’abord, puis l’argent vous est rendu.
order_told-partially_refunded = Une partie de cette commande a été remboursée.
order_told-refunded = Cette commande a été entièrement remboursée.
order_told-failed = Cette commande n’a pas abouti. Plus rien n’est réservé pour elle, et rien ne vous a été débité.
order_told-cancelled = Vous avez annulé cette commande. Plus rien n’est réservé pour elle, et rien ne vous a été débité.

## status

status-title = Commande { $number }
status-steps = Où elle en est
status-reload = Actualiser
status-waiting = Cette page suit votre commande toute seule. Vous pouvez aussi la quitter : la commande continue sans vous.
status-cancel = Annuler la commande
status-cancel_help = Possible jusqu’à l’encaissement du paiement.
status-confirm = Confirmer le paiement
status-deadline = Jusqu’au { $time }
status-undone = Ce qui a été annulé
status-undoing = Ce qui est en cours d’annulation
status-order = Voir la commande
status-refused = Cette page ne peut plus être actualisée pour vous.
status-refused_next = Votre connexion a changé depuis que vous l’avez ouverte. Votre commande continue sans cette page.
status-too_late = Il était trop tard pour annuler.
status-too_late_next = Le paiement est en cours d’encaissement, ou encaissé. Quand la commande sera terminée, vous pourrez demander un remboursement.

## step

step-reserve = Réservation
step-pay = Paiement
step-access = Accès

## step_reserve

step_reserve-todo = Pas encore
step_reserve-now = Réservation des places
step_reserve-yours = Vous attend
step_reserve-done = Réservation faite
step_reserve-failed = N’a pas abouti
step_reserve-undoing = En cours de restitution
step_reserve-undone = Places rendues
step_reserve-skipped = Pas nécessaire

## step_pay

step_pay-todo = Pas encore
step_pay-now = Vérification en cours
step_pay-yours = Attend votre confirmation
step_pay-done = Payé
step_pay-failed = N’a pas abouti
step_pay-undoing = En cours de libération
step_pay-undone = Somme libérée
step_pay-skipped = Rien n’a été débité

## step_access

step_access-todo = Pas encore
step_access-now = En préparation
step_access-yours = Vous attend
step_access-done = Dans votre bibliothèque
step_access-failed = N’a pas abouti
step_access-undoing = En cours de retrait
step_access-undone = Retiré
step_access-skipped = Pas accordé

## released

released-seats = Les places réservées ont été rendues.
released-coupon = Votre code promo est de nouveau utilisable.
released-money = Plus aucune somme n’est réservée.

## releasing

releasing-seats = Les places réservées sont en cours de restitution.
releasing-coupon = Votre code promo est en cours de libération.
releasing-money = La somme réservée dans votre portefeuille ou sur votre carte est en cours de libération.

## reason

reason-other = Quelque chose s’est mal passé pendant le traitement de votre commande.
reason-sold_out = La dernière place a été prise avant de pouvoir être réservée pour vous.
reason-already_owned = L’un de ces cours est déjà à vous.
reason-already_pending = L’un de ces cours fait déjà partie d’une autre commande en cours.
reason-not_for_sale = L’un de ces cours n’est plus en vente.
reason-unknown_item = L’un de ces cours n’existe plus.
reason-reservation_cancelled = La réservation a été annulée.
reason-reservation_timeout = La réservation n’a pas reçu de réponse à temps.
reason-coupon_expired = Votre code promo n’est plus valable.
reason-coupon_limit = Votre code promo a été utilisé autant de fois que possible.
reason-coupon_not_eligible = Votre code promo ne vaut pas pour ces cours.
reason-coupon_min_subtotal = Votre code promo demande une commande plus élevée.
reason-coupon_unknown = Ce code promo n’existe pas.
reason-coupon_cancelled = La réservation de votre code promo a été annulée.
reason-coupon_changed = La valeur de votre code promo a changé entre-temps.
reason-insufficient_credits = Votre portefeuille n’a pas assez de crédits.
reason-card_declined = Votre carte a été refusée.
reason-insufficient_funds = Le solde de votre carte est insuffisant.
reason-expired_card = Votre carte a expiré.
reason-bad_cvc = Le code de sécurité de votre carte est incorrect.
reason-unknown_card = La carte n’est plus parmi vos cartes enregistrées.
reason-action_denied = Vous n’avez pas confirmé le paiement.
reason-payment_abandoned = Le paiement n’a pas été confirmé à temps.
reason-payment_cancelled = Le paiement a été annulé.
reason-processor_error = Le prestataire de paiement n’a pas pu traiter le paiement.
reason-payment_timeout = Le paiement n’a pas reçu de réponse à temps.
reason-amount_mismatch = Un autre montant que le vôtre a été réservé ; nous avons donc tout arrêté.
reason-capture_failed = Le paiement a été confirmé, mais n’a pas pu être encaissé.
reason-cancelled_by_buyer = Vous l’avez annulée.
reason-refund_failed = Un remboursement n’a pas pu être effectué. Vous avez de nouveau accès, et l’argent est toujours ici.

## advice

advice-again = Vous n’avez rien perdu. Votre panier est toujours là ; réessayez dans un instant.
advice-other_course = Retirez ce cours de votre panier et commandez le reste.
advice-coupon = Retirez le code promo de votre panier ou utilisez-en un autre, puis commandez de nouveau.
advice-card = Votre panier est toujours là. Commandez de nouveau avec une autre carte ou avec votre portefeuille.
advice-confirm = Votre panier est toujours là. Commandez de nouveau, et confirmez le paiement quand on vous le demande.
advice-owned = Vous le trouvez dans votre bibliothèque. Retirez-le de votre panier pour commander le reste.
advice-pending = Attendez que l’autre commande soit terminée.
advice-wallet = Rechargez votre portefeuille, ou commandez de nouveau par carte.
advice-basket = Votre panier est toujours là.
advice-contact = Écrivez-nous avec le numéro de la commande, et nous réglerons cela.
advice-to_basket = Aller au panier
advice-to_library = Aller à votre bibliothèque
advice-to_orders = Aller à vos commandes
advice-to_wallet = Aller à votre portefeuille

## refund

refund-title = Remboursements
refund-ask = Demander un remboursement
refund-rule = Peu après l’achat, l’argent est rendu sans que personne n’ait à en décider. Plus tard, et pour ce que vous avez déjà utilisé ou appris, quelqu’un examine d’abord la demande. Votre accès prend fin avant que l’argent soit rendu.
refund-lines = Que faut-il rembourser ?
refund-why = Pourquoi ?
refund-why_help = De 1 à 500 caractères.
refund-to = Où l’argent doit-il aller ?
refund-to_wallet = Dans votre portefeuille
refund-to_card = Sur votre carte
refund-send = Demander le remboursement
refund-state_requested = À l’étude
refund-state_approved = En cours
refund-state_refunded = Remboursé
refund-state_rejected = Refusé
refund-state_failed = N’a pas abouti
refund-review_late = L’achat est trop ancien pour un remboursement immédiat ; quelqu’un va donc en décider.
refund-review_consumed = Une partie a été utilisée ; quelqu’un va donc en décider.
refund-review_progress = Vous en avez déjà appris une bonne partie ; quelqu’un va donc en décider.
refund-note = Notre réponse : { $note }
refund-done = Votre demande de remboursement nous est transmise.
refund-done_next = Vous voyez ci-dessous ce qu’elle devient.
refund-wrong = Le remboursement n’a pas été demandé.
refund-no_lines = Choisissez au moins une ligne.
refund-no_reason = Dites pourquoi en quelques mots.
refund-more_than_card = La carte a payé moins que cela. Choisissez votre portefeuille, ou moins de lignes.
refund-open = Un autre remboursement de cette commande n’est pas terminé. Attendez qu’il le soit.
refund-not_refundable = Rien dans cette commande ne peut être remboursé pour le moment.
refund-refused = Une partie de ce que vous avez choisi ne peut pas être remboursée.

## history

history-submitted = Commande passée
history-reserved = Places réservées
history-action_required = Votre confirmation était nécessaire
history-capturing = Paiement confirmé
history-paid = Payée
history-compensating = Arrêtée : ce qui était réservé est rendu
history-completed = Terminée
history-refunding = Remboursement commencé
history-partially_refunded = Remboursée en partie
history-refunded = Remboursée
history-failed = Tout a été rendu
history-cancelled = Annulée, et tout a été rendu

## invoice

invoice-title = Facture { $number }
invoice-waiting = Votre facture arrive
invoice-waiting_next = Elle est établie dès que votre commande est payée, en général en une seconde. Regardez de nouveau dans un instant.
invoice-back = Revenir à la commande
invoice-order = Commande
invoice-issued = Établie le { $day }
invoice-pdf = Télécharger en PDF
invoice-seller = Vendu par
invoice-buyer = Vendu à
invoice-no_buyer = Aucune adresse n’a été donnée.
invoice-tax_id = Numéro fiscal { $number }
invoice-course = Cours
invoice-price = Prix
invoice-net = Hors taxes
invoice-untaxed = Aucune taxe n’est due sur cette facture.
invoice-notes = Avoirs
invoice-note = Avoir { $number }
invoice-note_pdf = PDF
invoice-to_card = Rendu sur votre carte
invoice-to_wallet = Rendu dans votre portefeuille

## sales

sales-title = Vos ventes
sales-lede = Du { $from } au { $to }, hors taxes.
sales-share = Votre part
sales-sold = Vendu
sales-refunded = Rendu
sales-payable = Nous vous devons
sales-months = Par mois
sales-in_month = Mois
sales-month = { $month } { $year }
sales-quantity = Ventes
sales-courses = Par cours
sales-single = Ventes une à une
sales-none = Rien n’a été vendu pendant cette période.
sales-refund = Remboursement
sales-of_it = dont { $share } pour vous

## ledger

ledger-title = Comptabilité
ledger-lede = Chaque vente, remboursement, commission et crédit, en partie double. Rien ici ne peut être modifié.
ledger-balanced = Équilibré
ledger-balanced_next = { $amount } de chaque côté.
ledger-unbalanced = Déséquilibré
ledger-unbalanced_next = Débits et crédits diffèrent. Quelqu’un a dû atteindre la base de données sans passer par le service.
ledger-accounts = Balance générale
ledger-account = Compte
ledger-debit = Débit
ledger-credit = Crédit
ledger-balance = Solde
ledger-sum = Tous les comptes
ledger-compared = Comparaison avec les commandes et les paiements
ledger-clean = Tout concorde
ledger-unclean = Quelque chose diffère
ledger-check = Ce qui est comparé
ledger-expected = Attendu
ledger-found = Dans les livres
ledger-drift = Écart
ledger-none = aucun
ledger-since = depuis le { $minute }
ledger-check_wallets = Soldes de tous les portefeuilles
ledger-check_sales = Factures et ventes
ledger-check_captures = Paiements encaissés et ventes
ledger-check_refunds = Avoirs et remboursements
ledger-check_trial_balance = Débits et crédits
ledger-check_other = Autre contrôle
ledger-chain_whole =
    { $n ->
        [one] La chaîne d’empreintes est intacte : { $n } écriture est restée telle quelle.
       *[other] La chaîne d’empreintes est intacte : { $n } écritures sont restées telles quelles.
    }
ledger-chain_broken = L’écriture { $n } n’est pas telle qu’elle avait été écrite
ledger-chain_next = Comparez-la à une sauvegarde avant de faire quoi que ce soit d’autre.
ledger-journal = Journal
ledger-empty = Rien n’a encore été écrit.

## ledger_account

ledger_account-1000 = Compensation des cartes
ledger_account-2000 = Crédits des portefeuilles
ledger_account-2100 = Dû aux formateurs
ledger_account-2200 = Taxes à payer
ledger_account-4000 = Commission
ledger_account-5000 = Crédits promotionnels
ledger_account-5100 = Frais de carte

## wallet

wallet-title = Votre portefeuille
wallet-lede = Les crédits paient vos commandes et reçoivent vos remboursements.
wallet-available = Vous pouvez dépenser
wallet-balance = Dans votre portefeuille
wallet-held = Réservé pour des commandes
wallet-entries = Mouvements
wallet-none = Il n’y a pas encore de mouvement dans votre portefeuille.
wallet-after = solde ensuite : { $balance }
wallet-kind_top_up = Recharge
wallet-kind_grant = Crédits de notre part
wallet-kind_hold = Réservé pour une commande
wallet-kind_release = Libéré
wallet-kind_capture = Payé pour une commande
wallet-kind_refund = Remboursement
wallet-kind_write_off = Passé en perte
wallet-order = Voir la commande
wallet-top_up = Recharger
wallet-amount = Montant
wallet-amount_help = Entre { $least } et { $most }.
wallet-with = Avec quelle carte ?
wallet-new_card = Une nouvelle carte
wallet-send = Recharger
wallet-cards = Cartes enregistrées
wallet-cards_none = Vous n’avez pas de carte enregistrée. Une nouvelle carte est enregistrée quand vous rechargez ou commandez.
wallet-card_until = expiration { $month }/{ $year }
wallet-delete = Supprimer
wallet-delete_named = Supprimer la carte qui se termine par { $last4 }
wallet-done_deleted = La carte est supprimée.
wallet-done_deleted_next = Les paiements en cours continuent.
wallet-faults = Le portefeuille n’a pas été rechargé.
wallet-faults_next = Corrigez ce qui est signalé. Saisissez la carte une nouvelle fois : nous ne gardons pas ce que vous avez saisi.
wallet-wrong_amount = Le montant doit être compris entre { $least } et { $most }.
wallet-wrong_card = Choisissez une carte.
wallet-full = Votre portefeuille ne peut pas recevoir autant en plus.
wallet-closed = Votre portefeuille est fermé.
wallet-unanswered = Nous ne savons pas encore si cela a été fait. Envoyez-le une nouvelle fois tel quel : rien n’est débité deux fois.
wallet-sent_otherwise = Une recharge a déjà été envoyée avec d’autres valeurs. Regardez ci-dessous si elle est arrivée, et renvoyez celle-ci.
wallet-too_many_cards = Vous avez le nombre maximal de cartes enregistrées. Supprimez-en une d’abord.

## card_form

card_form-number = Numéro de carte
card_form-number_help = Seules les cartes de test publiées fonctionnent ici, comme 4242 4242 4242 4242. Aucun argent réel n’est débité.
card_form-expiry = Date d’expiration
card_form-expiry_help = Mois et année, comme 04/29.
card_form-cvc = Code de sécurité
card_form-cvc_help = Trois ou quatre chiffres. Il n’est jamais conservé.
card_form-wrong_number = Ce n’est pas un numéro de carte.
card_form-wrong_expiry = Indiquez le mois et l’année, comme 04/29. La carte doit être encore valable.
card_form-wrong_cvc = Le code de sécurité a trois ou quatre chiffres.
card_form-test_only = Seules les cartes de test publiées sont acceptées ici.

## top_up

top_up-title = Recharge : { $amount }
top_up-back = Revenir au portefeuille
top_up-again = Réessayer
top_up-confirm = Confirmer le paiement
top_up-deny = Ne pas payer
top_up-pending = Nous demandons votre paiement. En général, cela prend une seconde.
top_up-action = Votre banque vous demande de confirmer le paiement.
top_up-done = C’est fait. Les crédits sont dans votre portefeuille.
top_up-failed = Votre portefeuille n’a pas été rechargé, et rien ne vous a été débité.
top_up-failed_next = Réessayez, peut-être avec une autre carte.
top_up-undone = Ce paiement a été remboursé.

## library

library-title = Votre bibliothèque
library-none = Vous n’avez pas encore de cours. Ce que vous commandez apparaît ici.
library-browse = Voir les cours
library-done = Leçons terminées : { $done } sur { $all }
library-done_some =
    { $n ->
        [one] { $n } leçon terminée
       *[other] { $n } leçons terminées
    }
library-whole = Terminé
library-begin = Commencer
library-resume = Continuer
library-again = Revoir
library-items = Vous en avez { $n }
library-use = En utiliser un
library-used = Vous en avez utilisé un.
library-used_next = Ce qui reste est indiqué à côté.
library-too_few = Il n’en restait plus à utiliser.
library-too_few_next = Le dernier a peut-être été utilisé dans une autre fenêtre.
library-progress = Votre progression dans « { $title } »
library-bought = Votre commande est terminée.
library-bought_next = Ce que vous avez acheté est maintenant ici. Le reçu est dans vos commandes.

## learn

learn-resume = Reprendre où vous en étiez
learn-begin = Commencer par la première leçon
learn-go = Aller à la leçon
learn-mark = Marquer comme terminée
learn-mark_named = Marquer « { $title } » comme terminée
learn-marked = Terminée
learn-all = Félicitations : vous avez terminé ce cours.
learn-all_next = Toutes les leçons ({ $n }) sont terminées. Elles restent ici pour vous.
learn-lessons = Leçons
learn-empty = Ce cours n’a pas encore de leçon. Elles apparaîtront ici.

## admin

admin-title = Administration
admin-lede = Ce qui attend que quelqu’un s’en occupe.
admin-overview = Vue d’ensemble
admin-orders = Commandes
admin-refunds = Remboursements
admin-grants = Attributions
admin-coupons = Codes promo
admin-stuck = Commandes bloquées
admin-refunds_open = Remboursements à décider
admin-grants_open = Attributions en attente d’un second accord
admin-letters_open = Événements en échec
admin-away = injoignable pour le moment

## admin_orders

admin_orders-title = Toutes les commandes
admin_orders-show = Afficher
admin_orders-apply = Afficher celles-ci
admin_orders-all = Toutes les commandes
admin_orders-alerted = Bloquées : quelqu’un devrait regarder
admin_orders-none = Cette commande n’existe pas.
admin_orders-since = Bloquée depuis le { $time }

## admin_order

admin_order-alert_next = Elle continue d’elle-même dès que le service attendu répond. Relancez, ou fermez l’alerte avec une note.
admin_order-parts = Qui a fait quoi
admin_order-seats = Places
admin_order-coupon = Code promo
admin_order-payment = Paiement
admin_order-timers = Ce qui va se passer tout seul
admin_order-act = Ce que vous pouvez faire
admin_order-retry = Relancer maintenant
admin_order-retry_help = Envoie une nouvelle fois à tous ceux qui n’ont pas répondu. Rien n’est fait deux fois pour autant.
admin_order-note = Qu’avez-vous appris ?
admin_order-note_help = De 1 à 500 caractères. La note reste dans le journal de la commande ; la commande elle-même ne change pas.
admin_order-no_note = Dites en quelques mots ce que vous avez appris.
admin_order-resolve = Fermer l’alerte
admin_order-facts = La commande
admin_order-buyer = Acheteur
admin_order-lines = Ce qui a été commandé
admin_order-grant = Lui offrir quelque chose
admin_order-payment_id = Numéro de paiement
admin_order-log = Ce qui s’est passé
admin_order-by = par
admin_order-sent = Envoyé :
admin_order-done_retry = Tous ceux qui n’avaient pas répondu ont été relancés.
admin_order-done_retry_next = Leurs réponses apparaissent ci-dessous. Rechargez la page dans un instant.
admin_order-done_resolve = L’alerte est fermée.
admin_order-done_resolve_next = Votre note est dans le journal de la commande.
admin_order-done_nothing = Il n’y avait rien à faire.
admin_order-done_nothing_next = La commande a avancé entre-temps. Vous voyez ci-dessous où elle en est.

## saga_part

saga_part-idle = Rien demandé
saga_part-asked = Demandé, pas encore de réponse
saga_part-held = Réservé
saga_part-settling = Validation demandée
saga_part-settled = Définitif
saga_part-undoing = Restitution demandée
saga_part-undone = Rendu
saga_part-refused = Refusé

## saga_timer

saga_timer-resend = Relance
saga_timer-deadline = Abandonne
saga_timer-query = Interroge le service de paiement
saga_timer-alert = Appelle un administrateur
saga_timer-attempts =
    { $n ->
        [one] (après { $n } tentative)
       *[other] (après { $n } tentatives)
    }

## saga_cause

saga_cause-admin_resolve = Alerte fermée
saga_cause-admin_retry = Relance par un administrateur
saga_cause-buyer_cancel = Annulation par l’acheteur
saga_cause-buyer_submit = Commande passée
saga_cause-discount_committed = Code promo utilisé
saga_cause-discount_refused = Code promo refusé
saga_cause-discount_released = Code promo rendu
saga_cause-discount_reserved = Code promo réservé
saga_cause-identity_user_deleted = Compte supprimé par l’acheteur
saga_cause-inventory_granted = Accès accordé
saga_cause-inventory_refused = Places refusées
saga_cause-inventory_released = Places rendues
saga_cause-inventory_reserved = Places réservées
saga_cause-inventory_revoked = Accès retiré
saga_cause-inventory_stale = Question de l’inventaire sur une ancienne réservation
saga_cause-payment_action_required = Confirmation demandée à l’acheteur par la banque
saga_cause-payment_authorized = Paiement autorisé
saga_cause-payment_capture_failed = Paiement impossible à encaisser
saga_cause-payment_captured = Paiement encaissé
saga_cause-payment_declined = Paiement refusé
saga_cause-payment_refund_failed = Échec du remboursement côté paiement
saga_cause-payment_refunded = Argent rendu
saga_cause-payment_voided = Autorisation libérée
saga_cause-refund_approved = Remboursement commencé
saga_cause-timer_alert = Personne n’a répondu depuis trop longtemps
saga_cause-timer_deadline = Délai dépassé
saga_cause-timer_query = Service de paiement interrogé
saga_cause-timer_resend = Relance

## letters

letters-title = Événements en échec
letters-lede = Ce qu’un service n’a pas pu traiter et a mis de côté. Réglez d’abord la cause, puis transmettez de nouveau.
letters-none = Tous les événements ont été traités. Il n’y a rien à faire.
letters-consumer = Traité par
letters-of_all = Tous ({ $n })
letters-attempts =
    { $n ->
        [one] { $n } tentative
       *[other] { $n } tentatives
    }
letters-letters =
    { $n ->
        [one] { $n } événement
       *[other] { $n } événements
    }
letters-redrive_all =
    { $n ->
        [one] Transmettre { $n } événement de nouveau
       *[other] Transmettre { $n } événements de nouveau
    }
letters-all_help = Dix par seconde, les plus anciens d’abord. Ceux qui échouent encore reviennent ici.
letters-why = Il n’a pas pu être traité.
letters-tried = Essais
letters-first_at = Premier échec
letters-parked_at = Mis de côté
letters-event_id = Numéro d’événement
letters-event = L’événement
letters-redrive = Le transmettre de nouveau
letters-redrive_help = Il est traité comme s’il venait d’arriver. Rien n’est fait deux fois pour autant.
letters-discard_why = Pourquoi ne servira-t-il jamais ?
letters-discard_help = De 1 à 500 caractères. La raison reste dans le journal ; l’événement lui-même est supprimé définitivement.
letters-discard = L’abandonner
letters-no_reason = Dites en quelques mots pourquoi il peut être abandonné.
letters-done_redriven = L’événement est transmis de nouveau.
letters-done_redriven_next = S’il échoue encore, il revient ici avec la nouvelle raison.
letters-done_all = Tous sont transmis de nouveau.
letters-done_discarded = L’événement est abandonné.
letters-done_discarded_next = Le journal dit qui l’a fait, et pourquoi.
letters-done_absent = Cet événement n’est plus ici.
letters-done_absent_next = Il a déjà été transmis de nouveau ou abandonné.
letters-done_failed = Rien n’a été fait : les événements étaient injoignables.
letters-done_failed_next = Réessayez dans un instant.
letters-done_under_way = Cela prend un moment.
letters-done_under_way_next = Le journal dira quand ce sera fait.
letters-record = Ce qui a été fait
letters-record_lede = Tout ce que les administrateurs ont fait des événements en échec, le plus récent d’abord.
letters-record_none = Il n’y a rien eu à faire jusqu’ici.
letters-did_redrive = Transmis de nouveau
letters-did_redrive_all = Tous transmis de nouveau
letters-did_discard = Abandonné
letters-was_done = Fait
letters-was_absent = N’y était déjà plus
letters-was_failed = Échec
letters-is_under_way = En cours

## admin_refunds

admin_refunds-title = Remboursements à décider
admin_refunds-lede = Les plus anciens d’abord. L’accès prend fin avant que l’argent soit rendu, et l’acheteur lit votre note.
admin_refunds-none = Aucun remboursement n’attend de décision.
admin_refunds-order = Voir la commande
admin_refunds-to_wallet = Vers le portefeuille
admin_refunds-to_card = Vers la carte
admin_refunds-late = Plus de 14 jours après l’achat
admin_refunds-consumed = Une partie a été utilisée
admin_refunds-progress = Une bonne partie du cours est terminée
admin_refunds-note = Votre réponse à l’acheteur
admin_refunds-approve = Approuver
admin_refunds-reject = Refuser
admin_refunds-approved = Le remboursement est approuvé.
admin_refunds-approved_next = L’accès prend fin d’abord, puis l’argent est rendu.
admin_refunds-rejected = Le remboursement est refusé.
admin_refunds-rejected_next = L’acheteur trouve votre réponse dans sa commande.
admin_refunds-decided = La décision sur ce remboursement était déjà prise.
admin_refunds-decided_next = C’est la première décision qui compte.
admin_refunds-no_note = Rien n’a été décidé : la réponse manque.
admin_refunds-no_note_next = Écrivez de 1 à 500 caractères que l’acheteur puisse lire.
admin_refunds-not_now = La commande ne peut pas être remboursée dans son état actuel.
admin_refunds-not_now_next = Attendez la fin d’un autre remboursement de cette commande, puis décidez de nouveau.

## grants

grants-title = Attributions
grants-lede = Les crédits et les cours que la boutique offre. Qui a donné quoi, et pourquoi, reste consigné.
grants-credits = Offrir des crédits
grants-item = Offrir un cours
grants-user = Numéro d’utilisateur
grants-user_help = Tel qu’il figure dans l’une de ses commandes.
grants-amount = Montant en euros
grants-amount_help = Au-delà de 100,00 €, un second administrateur doit approuver.
grants-reason = Raison
grants-reason_help = Au moins 5 caractères, pour mémoire.
grants-course = Cours
grants-course_help = Son adresse dans la boutique, ou son numéro.
grants-give_credits = Offrir ces crédits
grants-give_item = Offrir ce cours
grants-given = Crédits offerts jusqu’ici
grants-none = Aucun crédit n’a encore été offert.
grants-pending = Attend l’accord d’un second administrateur
grants-to = à
grants-by = par
grants-approved_by = approuvé par
grants-approve = Approuver
grants-faults = Rien n’a été offert.
grants-wrong_user = Cet utilisateur n’a ni portefeuille ni bibliothèque.
grants-wrong_amount = Indiquez un montant entre 0,01 et 10000,00.
grants-wrong_reason = Dites pourquoi, en 5 à 200 caractères.
grants-wrong_course = Ce cours n’existe pas dans la boutique.
grants-wrong_quantity = Indiquez un nombre de 1 à 100 ; pour un cours, 1.
grants-full = Le portefeuille ne peut pas recevoir autant en plus.
grants-closed = Le portefeuille de cet utilisateur est fermé.
grants-owned = L’utilisateur a déjà ce cours.
grants-ordering = L’utilisateur est en train de commander ce cours.
grants-sold_out = Il ne reste pas assez de places.
grants-refused = La demande a été refusée. Vérifiez chaque champ, puis réessayez.
grants-sent_otherwise = Ce formulaire a déjà été envoyé avec d’autres valeurs. Regardez ci-dessous si l’envoi est arrivé, et recommencez.
grants-unanswered = Nous ne savons pas encore si cela a été fait. Envoyez-le une nouvelle fois tel quel : rien n’est offert deux fois.
grants-done_granted = Les crédits sont dans le portefeuille.
grants-done_granted_next = L’attribution est consignée ci-dessous.
grants-done_pending = L’attribution attend l’accord d’un second administrateur.
grants-done_pending_next = Elle est dans la liste ci-dessous, où elle peut être approuvée.
grants-done_item = C’est dans sa bibliothèque.
grants-done_item_next = La raison est consignée.
grants-done_approved = L’attribution est approuvée.
grants-done_approved_next = Les crédits sont dans le portefeuille.
grants-done_decided = Cette attribution était déjà approuvée.
grants-done_decided_next = Les crédits ont été offerts une seule fois.
grants-done_same = Un autre administrateur doit approuver cette attribution.
grants-done_same_next = Vous l’avez demandée ; le second regard ne peut donc pas être le vôtre.
grants-done_wallet = Le portefeuille ne peut pas la recevoir.
grants-done_wallet_next = Il est fermé, ou il serait trop plein.

## coupons

coupons-own = Codes promo
coupons-own_title = Codes promo pour vos cours
coupons-own_lede = Chacun vaut pour tous vos cours, et pour ceux de personne d’autre.
coupons-own_scope = Le code promo vaut pour tous vos cours.
coupons-all_title = Codes promo de la boutique
coupons-all_lede = Ceux de la boutique et ceux de tous les formateurs et formatrices, les plus récents d’abord.
coupons-new = Nouveau code promo
coupons-none = Il n’y a pas encore de code promo.
coupons-one = Code promo { $code }
coupons-off = { $off } de réduction
coupons-active = Actif
coupons-paused = En pause
coupons-archived = Supprimé
coupons-always = Toujours valable
coupons-from = À partir du { $from }
coupons-to = Jusqu’au { $to }
coupons-from_to = Du { $from } au { $to }
coupons-used = utilisé { $n } fois
coupons-used_of = utilisé { $n } fois sur { $most }
coupons-t_worth = Valeur
coupons-t_scope = Valable pour
coupons-t_valid = Quand
coupons-t_used = Jusqu’ici
coupons-t_reserved = Commandes en cours
coupons-t_per_user = Commandes par acheteur
coupons-t_min = Sous-total minimal
coupons-t_first = Première commande seulement
coupons-t_user = Seulement pour
coupons-yes = Oui
coupons-scope_all = Tous les cours
coupons-scope_instructor = Tous les cours d’un formateur ou d’une formatrice
coupons-scope_courses =
    { $n ->
        [one] { $n } cours
       *[other] { $n } cours
    }
coupons-scope_categories =
    { $n ->
        [one] { $n } sujet
       *[other] { $n } sujets
    }
coupons-pause = Mettre en pause
coupons-resume = Rendre de nouveau valable
coupons-uses = Comment il a été utilisé
coupons-unused = Aucune commande ne l’a encore utilisé.
coupons-order = Commande
coupons-reserved = Commande en cours
coupons-committed = Payé
coupons-released = Rendu
coupons-faults = Le code promo n’a pas été créé.
coupons-create = Créer le code promo
coupons-f_code = Code
coupons-f_code_help = De 4 à 32 lettres, chiffres et traits d’union. Il ne peut pas être modifié ensuite.
coupons-f_kind = Ce qu’il retire
coupons-f_percent = Un pourcentage
coupons-f_amount = Un montant en euros
coupons-f_worth = Combien
coupons-f_worth_help = Par exemple 15 ou 12,5.
coupons-f_scope = Ce pour quoi il vaut
coupons-f_courses = Certains cours
coupons-f_category = Un sujet
coupons-f_instructor = Les cours d’un formateur ou d’une formatrice
coupons-f_ids = Numéros des cours
coupons-f_ids_help = Un par ligne, 100 au plus.
coupons-f_instructor_id = Numéro d’utilisateur du formateur ou de la formatrice
coupons-f_choose = Choisissez un sujet
coupons-f_starts = Valable à partir du (facultatif)
coupons-f_starts_help = Dès le début de ce jour, UTC.
coupons-f_ends = Valable jusqu’au (facultatif)
coupons-f_ends_help = Jusqu’à la fin de ce jour, UTC.
coupons-f_max = Utilisations en tout (facultatif)
coupons-f_max_help = Vide : sans limite.
coupons-f_per_user = Utilisations par acheteur
coupons-f_min = Sous-total minimal en euros (facultatif)
coupons-f_first = Seulement pour la première commande d’un acheteur
coupons-wrong_code = Un code a de 4 à 32 lettres, chiffres et traits d’union.
coupons-code_taken = Ce code est déjà pris. Trouvez-en un autre.
coupons-wrong_worth = Indiquez un pourcentage de 0,01 à 100, ou un montant.
coupons-wrong_courses = Indiquez le numéro d’au moins un cours, un par ligne.
coupons-wrong_category = Choisissez un sujet.
coupons-wrong_instructor = Indiquez le numéro d’utilisateur d’un formateur ou d’une formatrice.
coupons-wrong_day = Indiquez l’année, le mois et le jour, comme 2026-12-01.
coupons-wrong_end = Le dernier jour précède le premier, ou n’est pas un jour valable.
coupons-wrong_number = Indiquez un nombre à partir de 1.
coupons-wrong_amount = Indiquez un montant, comme 20 ou 20,00.
coupons-refused = La demande a été refusée. Vérifiez chaque champ, puis réessayez.
coupons-sent_otherwise = Ce formulaire a déjà été envoyé avec d’autres valeurs. Regardez la liste des codes promo, puis renvoyez-le.
coupons-unanswered = Nous ne savons pas encore si cela a été fait. Envoyez-le une nouvelle fois tel quel : il n’est créé qu’une fois.
coupons-done_created = Le code promo est créé.
coupons-done_created_next = Il peut être utilisé dès son premier jour.
coupons-done_paused = Le code promo est en pause.
coupons-done_paused_next = Les nouvelles commandes ne peuvent pas l’utiliser. Celles qui l’ont réservé le gardent.
coupons-done_resumed = Le code promo est de nouveau valable.
coupons-done_resumed_next = Les commandes peuvent l’utiliser aussitôt.
coupons-done_stale = Le code promo a été modifié entre-temps. Rien n’a été fait.
coupons-done_stale_next = Vous voyez ci-dessous son état actuel.

## certificate

certificate-title = Certificat
certificate-of = Certificat de réussite
certificate-for = Ce certificat atteste que
certificate-has =
    { $n ->
        [one] a terminé l’unique leçon du cours
       *[other] a terminé les { $n } leçons du cours
    }
certificate-date = Terminé le { $day }
certificate-number = Certificat numéro { $number }
certificate-print = Pour l’imprimer, utilisez la commande d’impression de votre navigateur.
certificate-back = Revenir au cours
certificate-see = Voir votre certificat
certificate-not_yet = Votre certificat sera ici dès que toutes les leçons seront terminées.
certificate-not_yet_next = Leçons terminées : { $done } sur { $all }.

## design

design-title = Design
design-promise = Chaque composant, dans chaque état qu’une page utilise jusqu’ici. Changez l’apparence au bas de la page.
design-colours = Couleurs
design-type = Typographie
design-headline = Un titre dans la voix de la boutique
design-running = Le texte courant est composé dans la police sans empattement du système, en 17 px avec un interligne de 1,5 et 70 caractères de large au plus. Les montants et les heures utilisent des chiffres tabulaires.
design-small = Petit texte : faits, légendes et aide.
design-link = Un lien dans le texte courant
design-buttons = Boutons
design-primary = Principal
design-quiet = Discret
design-danger = Danger
design-busy = En cours…
design-disabled = Désactivé
design-fields = Champs
design-field = Titre
design-field_help = 120 caractères au plus.
design-field_error = Écrivez au moins 2 caractères.
design-choice = Places
design-choice_a = Illimitées
design-choice_b = Limitées
design-select = Niveau
design-secret = Mot de passe
design-sheet = Feuille : connexion, consentement, questions
design-lines = Faits et lignes
design-badges = Badges, étiquettes et avatar
design-notices = Messages
design-notice_info = Les commandes ne sont pas encore ouvertes.
design-notice_success = Votre cours est public.
design-notice_warning = Votre brouillon n’a pas de prix.
design-notice_danger = Votre modification n’a pas été enregistrée.
design-notice_next = Chaque message dit ce qui s’est passé, puis ce qu’il faut faire.
design-price = Prix
design-bill = Montants, notes et petites actions
design-cards = Cartes et couvertures
design-card_long = Un titre si long qu’il lui faut plus que les deux lignes dont une carte dispose pour lui, et qui est coupé
design-accordion = Accordéon
design-crumbs = Fil d’Ariane et pages
design-steps = Étapes et progression
design-tabs = Onglets, chiffres et chronologie
design-empty = État vide
design-icons = Icônes
