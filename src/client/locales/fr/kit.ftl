# La feuille de secours : ce que dit la commande.
kit-done = La page est dans { $path }. Ouvrez-la dans un navigateur, imprimez-la, et rangez-la avec vos papiers importants.
kit-printer = ATTENTION : les 24 mots sont sur cette page, et toute personne qui les lit peut agir à votre place. Imprimez sur une imprimante à vous, par câble ; les imprimantes partagées ou en réseau et les boutiques d’impression gardent des copies. Supprimez ensuite { $path }.
kit-exists = { $path } existe déjà, et rien n’est écrit par-dessus. Choisissez un autre nom.
kit-no-output = Dites quel fichier écrire, avec --output.
kit-no-charter = La page porte le code de la charte, et aucune charte n’est encore en vigueur. Faites-la quand la charte sera signée.
kit-contacts-long = { $path } est trop long pour une page : au plus { $lines } lignes de { $columns } caractères.
kit-check-same = Ce sont les 24 mots de votre clé personnelle, chacun à sa place.
kit-check-another = Ce sont 24 mots valables, mais d’une autre clé personnelle, dont l’empreinte est { $code }. Est-ce le bon papier ?
kit-check-count = { $found } mots ont été entrés, et il en faut 24. Le premier qui manque ou diffère est le mot { $position }. Comparez avec le papier.
kit-check-differ = Ce ne sont pas les mots de votre clé personnelle à ces places : { $list }. Si vous avez tapé ce qui est sur le papier, c’est le papier qui est faux : écrivez-en un nouveau avec « sequestre kit --words ».
failed-not-private = Les fichiers de { $path } sont lisibles par d’autres, quels que soient leurs droits (une clé USB, un dossier partagé ?), et celui-ci contiendrait vos 24 mots. Rien n’a été écrit ; choisissez un dossier de cet ordinateur.

# La page.
kit-language = fr
kit-title = Feuille de secours de { $name }
kit-made = Faite le { $date } ; le journal comptait { $n } entrées
kit-what-trustee = « { $organisation } » met sous séquestre les mots de passe de ses comptes web, avec le logiciel libre Séquestre. { $name } ({ $roles }) détient des parts des clés. Personne n’ouvre rien seul·e ; assez de gardien·nes ensemble ouvrent tout ce qui leur revient, même quand le serveur, ou la personne qui le tient, n’est plus là. Cette page ne contient aucun mot de passe.
kit-what-other = « { $organisation } » met sous séquestre les mots de passe de ses comptes web, avec le logiciel libre Séquestre. { $name } en fait partie ({ $roles }) et ne détient pas de part de clé ; les gardien·nes ci-dessous en détiennent, et assez de ces personnes ensemble ouvrent tout ce qui leur revient, même quand le serveur n’est plus là. Cette page ne contient aucun mot de passe.
kit-people-head = Qui appeler
kit-people = Appelez vous-même, à un numéro que vous connaissez. Ne croyez personne qui vous appelle, quoi qu’on puisse vous lire : empreintes et codes sont sur toutes les feuilles, et distinguent des clés, pas des personnes. Si vous ne connaissez pas une voix, faites-vous présenter par quelqu’un qui la connaît.
kit-head-telephone = Téléphone
kit-numbers-head = Ce qui se compare de vive voix, et ce qui ouvre quoi
kit-charter = Code de la charte (version { $version })
kit-fingerprint = Votre empreinte
kit-server = Serveur
kit-vaults = Ce qui ouvre les coffres
kit-vault = « { $name } » : { $opened }
kit-words-head = Les 24 mots : votre clé personnelle
kit-words-shown = Toute personne qui les lit peut agir à votre place. Dans cet ordre, de gauche à droite :
kit-words-kept = Ils ne sont pas sur cette page, pour que personne ne puisse agir à votre place en la trouvant. Pour les retrouver, un indice que vous seul·e comprenez :
kit-card-head = Carte de contact de l’association
kit-card = Rien de secret : où trouver l’association, et à quoi reconnaître son journal. Tapez toutes les lignes, ou scannez l’image et collez le texte.
kit-gone-head = Si le serveur n’est plus là, ou vous enferme dehors
kit-gone-1 = Ne supprimez rien. Votre ordinateur (dossier .sequestre) contient tout ce qu’il faut, et celui de chaque gardien·ne aussi.
kit-gone-2 = Appelez les autres gardien·nes, à des numéros que vous connaissez. Chaque personne lit le code de la charte à haute voix (35 chiffres, sur cette page) : il doit être le même.
kit-gone-3 = Une personne parmi vous lance « sequestre recover start --reason … -o demande.txt », note le code de 20 chiffres qui s’affiche, et envoie le fichier aux autres, par n’importe quel moyen.
kit-gone-4 = Chaque autre l’appelle et lance « sequestre recover answer demande.txt -o NOM.txt » ; quand le programme le demande, tapez les 20 chiffres qu’on vous lit (pas le code de la charte) ; puis renvoyez la réponse.
kit-gone-5 = La personne qui a commencé lance « sequestre recover finish NOM.txt … -o comptes.age ». Cela ouvre ce que permettent assez de réponses, et dit qui il manque pour le reste.
kit-gone-6 = Changez chaque mot de passe ouvert. Pour continuer avec un autre serveur, tout le monde suit un déménagement signé par les gardien·nes : « sequestre move --help ».
kit-gone-other = Appelez les gardien·nes ci-dessus : ces personnes récupèrent les comptes avec les copies de leurs ordinateurs. Gardez aussi la vôtre ; elle prouve ce qui s’est passé.
kit-restore-head = Si votre ordinateur n’est plus là
kit-restore-1 = Installez Séquestre sur un autre ordinateur.
kit-restore-2 = Lancez « sequestre restore-identity » et tapez les 24 mots dans l’ordre. Une erreur est montrée avec sa place ; rien n’est deviné.
kit-restore-3 = Tapez ou collez la carte de contact.
kit-restore-4 = « sequestre device » liste vos ordinateurs ; excluez celui qui est perdu : « sequestre device revoke NUMÉRO ».
kit-restore-5 = Si le serveur n’est plus là non plus : vos mots et le dossier d’un·e autre gardien·ne suffisent aux commandes ci-contre, avec --words-file FICHIER et --replica DOSSIER.
kit-footer = Refaites cette page quand les gardien·nes, le serveur ou la charte changent. « sequestre kit check » dit si les mots de votre papier sont les bons.
kit-footer-words = Gardez cette page comme la clé d’un coffre-fort. Supprimez le fichier dont elle est tirée. Refaites-la quand les gardien·nes, le serveur ou la charte changent. « sequestre kit check » dit si les mots de votre papier sont les bons.

# Ce que dit --help.
help-kit = Écrire une page à imprimer : qui appeler et que faire quand le serveur ou votre ordinateur n’est plus là
help-kit-words = Mettre vos 24 mots sur la page
help-kit-words-kept = Mettre plutôt sur la page un indice que vous seul·e comprenez, pour retrouver vos 24 mots : qui trouve la page le lit aussi [par défaut : la place de l’écrire à la main]
help-kit-contacts = Fichier texte avec les téléphones et ce que la page doit porter d’autre
help-kit-output = Fichier HTML à écrire ; il ne doit pas exister
help-kit-check = Taper les 24 mots de votre papier, et savoir s’ils sont justes, ou lesquels ne le sont pas
help-kit-check-words-file = Fichier avec les 24 mots ; - les lit sur l’entrée standard ; sinon, ils vous sont demandés
