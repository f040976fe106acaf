# Échecs.
failed-file = Le fichier ou dossier { $path } n’a pas pu être lu ou écrit.
failed-technical = Cela ne devrait pas arriver. Détail technique pour la personne qui s’occupe du logiciel : { $detail }
failed-refused = Le serveur le refuse, pour une raison que ce programme ne connaît pas ({ $reason }). Mettez le programme à jour.
failed-detail = (Détail technique, en anglais : { $detail })
failed-identity-exists = { $path } contient déjà une clé personnelle. Utilisez-la, ou choisissez un autre dossier avec --home.
failed-no-identity = { $path } ne contient pas encore de clé personnelle. Commencez par « sequestre join » ou « sequestre found ».
failed-passphrase = Ce n’est pas la phrase secrète de votre clé personnelle. Rien n’a changé ; réessayez.
failed-damaged = { $path } est abîmé ou a été modifié par un autre programme. Restaurez-le depuis une sauvegarde, ou réinscrivez cet ordinateur avec « sequestre restore-identity ».
failed-no-organisation = Ce dossier ne connaît encore aucune association. Commencez par « sequestre join » ou « sequestre found ».
failed-which-organisation = Quelle association ? Choisissez avec --org : { $list }
failed-never-synchronised = Rien n’a encore été reçu du serveur. Lancez « sequestre sync » quand il est joignable.
failed-folder-busy = Un autre « sequestre » utilise ce dossier, et attend peut-être une réponse dans une autre fenêtre. Ceci est réessayé.
failed-unreachable = Le serveur { $address } est injoignable ou n’a pas répondu. Ce qui était déjà signé est conservé et partira la prochaine fois (« sequestre status » dit si quelque chose attend) ; sinon, refaites la commande.
failed-other-identity = La clé personnelle de ce dossier n’est pas celle qui appartient à cette association.
failed-no-terminal = Il faut une réponse, et il n’y a pas de terminal pour la demander. Utilisez { $option }.
failed-unanswered = { $question } Sans terminal, répondez avec { $option }.
failed-open-file = D’autres peuvent lire { $path }. Réservez ce fichier à vous seul·e (chmod 600), et changez de phrase secrète si quelqu’un a pu la voir.
failed-passphrase-short = La phrase secrète de { $path } est trop courte. Prenez au moins 12 caractères.
failed-declined = Rien n’a été fait.
failed-update = L’entrée { $index } du journal contient quelque chose que ce programme ne connaît pas ; un plus récent, peut-être. Mettez le programme à jour. D’ici là, rien de nouveau n’est accepté et rien n’est signé.
failed-clock = L’horloge du serveur et celle de cet ordinateur diffèrent de { $minutes } minutes. Réglez celle qui est fausse avant de continuer.
failed-text-missing = Le texte correspondant n’est pas sur cet ordinateur. Lancez « sequestre sync » ; rien n’est signé sans lui.
failed-text-unshowable = Ce que la cible apprendrait ne peut pas être montré ici tel quel (plusieurs lignes, une longueur extrême, ou du blanc en quantité). Rien n’a été signé. Nos programmes n’écrivent jamais de tels textes : demandez à la personne qui demande comment elle l’a fait, et parlez-en à un·e médiateur·rice.
failed-name-unknown = Personne ici ne s’appelle « { $name } ».
failed-name-ambiguous = Plusieurs personnes s’appellent « { $name } ». Comparez leurs empreintes de vive voix, puis donnez le numéro avec son # au lieu du nom : { $list }
failed-label-unknown = Aucun compte ne s’appelle « { $label } ». Les comptes sont : { $list }
failed-label-ambiguous = Plusieurs comptes s’appellent « { $label } ». Donnez le numéro avec son # au lieu du nom (entre parenthèses : qui l’a déposé) : { $list }
failed-lookalike = « { $name } » pourrait être confondu avec « { $other } ». Choisissez un nom plus différent.
failed-looks-like-id = « { $name } » ressemble au numéro d’une personne ou d’un compte. Choisissez un nom qui ne commence pas par #.
failed-name-differs = Le journal appelle « { $known } » la personne que vous avez invitée comme « { $name } ». Rien n’est proposé ; annulez et invitez de nouveau.
failed-quorum-form = « { $text } » n’est pas un accord. Écrivez par exemple everyday=2, ou both=2:Alice,Bob,Carl+2:Dan,Ève,Fred.
failed-vault-form = « { $text } » n’est pas un coffre. Écrivez par exemple main=everyday,vital.
failed-role-unknown = « { $name } » n’est pas un rôle ou une combinaison possible. Les rôles sont trustee (gardien·ne), mediator (médiateur·rice), technician (technicien·ne), member (membre) ; un·e médiateur·rice ne peut pas être gardien·ne.
failed-threshold = L’accord « { $quorum } » demande { $threshold } sur { $members }. Choisissez un nombre entre 2 et { $members }.
failed-quorum-unknown = Aucun accord ne s’appelle « { $quorum } ».
failed-plain-name = « { $name } » ne peut pas être le nom d’un accord ou d’un coffre. Prenez 1 à 32 des lettres a–z sans accents, chiffres et traits d’union, par exemple site-web.
failed-no-plan = Ce dossier n’a pas fondé l’association, il ne peut donc pas proposer sa première charte. C’est à la personne fondatrice de le faire.
failed-absent = Tout le monde n’est pas encore arrivé. Il manque : { $list }. Attendez ces personnes, ou continuez sans elles avec --drop NOM.
failed-not-candidate = « { $name } » n’attend pas d’être admis·e.
failed-not-inviter = Seule la personne qui a invité « { $name } » peut vérifier que les clés sont bien les siennes. Demandez-lui de lancer « sequestre admit "{ $name }" ».
failed-joined-already = Cet ordinateur a déjà rejoint cette association. Si les autres ont quitté le journal qu’il suivait, recommencez avec --begin-anew ; sinon, utilisez un autre dossier avec --home.
failed-deposit-file = Le dépôt n’est pas du JSON valide avec les champs connus (problème vers la ligne { $line }, colonne { $column }). Champs : user_name, password, totp_secret, recovery_codes, notes, sheet.
failed-totp-secret = Ce n’est pas le secret d’un code à usage unique : les fournisseurs l’affichent en lettres A–Z et chiffres 2–7, au moins 16, ou en une adresse qui commence par otpauth://totp/. Un code à 6 chiffres n’en est pas un.
failed-user-name-alone = Un nom d’utilisateur est gardé avec son mot de passe. Donnez les deux, ou aucun.
failed-nothing-to-deposit = Il n’y a rien à déposer. Donnez au moins un mot de passe.
failed-vault-unknown = Aucun coffre ne s’appelle « { $name } ». Les coffres sont : { $list }
failed-label-taken = Il y a déjà un compte « { $label } ». Pour remplacer son mot de passe, ajoutez --new-version.
failed-id-unknown = Il n’y a ni demande ni proposition numéro { $id }. « sequestre inbox » montre ce qui vous attend.
failed-share-missing = Votre part de cette clé n’est pas encore sur cet ordinateur. Lancez « sequestre sync » et réessayez.
failed-share-bad = Votre part de cette clé ne correspond pas au journal. Rien n’a été remis ; prévenez la personne qui a fait le dépôt et un·e médiateur·rice.
failed-keys-missing = Cette demande a été faite sur un autre ordinateur. Affichez le mot de passe là-bas, ou refaites une demande d’ici.
failed-not-granted = Il manque encore à cette demande { $missing ->
    [one] un accord.
   *[other] { $missing } accords.
}
failed-access-over = Cet accès est terminé. Redemandez si vous en avez encore besoin.
failed-access-revoked = Un·e gardien·ne a mis fin à cet accès. Parlez-en si vous en avez encore besoin.
failed-request-expired = Cette demande n’a pas été accordée à temps. Vous pouvez redemander.
failed-sealed-missing = Le serveur n’a pas remis le mot de passe scellé. Réessayez, et prévenez un·e gardien·ne si cela se répète.
failed-shares-not-here = L’accord est là, mais les ordinateurs des gardien·nes n’ont pas encore remis assez de parts. Demandez à l’une des personnes d’accord de lancer « sequestre sync ».
failed-shares-bad = Les parts de clé de ces gardien·nes étaient inutilisables : { $list }. Votre accès a commencé, personne ne peut donc ajouter son accord : redemandez avec « sequestre request », à d’autres gardien·nes, et prévenez un·e médiateur·rice.
failed-dealer = Les parts des gardien·nes sont bien celles qui ont été distribuées, et ensemble elles ne donnent pas la clé : { $name }, qui a fait ce dépôt, les a mal distribuées. Un accord de plus n’y changera rien. Prévenez { $name } et un·e médiateur·rice, et récupérez le compte auprès du fournisseur.
failed-dealer-server = Les parts des gardien·nes sont bien celles qui ont été distribuées, et ensemble elles ne donnent pas la clé : le serveur, qui a créé ce secret lui-même, les a mal distribuées. Un accord de plus n’y changera rien. Prévenez les autres, un·e technicien·ne et un·e médiateur·rice ; puis mettez un nouveau secret chez le fournisseur, et déposez-le avec --new-version.
failed-not-handed-over = Le serveur n’a pas pris votre part de la clé pour la demande { $id }, alors que votre accord est au journal. Elle est gardée, et proposée de nouveau jusqu’à la fin de la demande. Prévenez la personne qui demande.
failed-device-unknown = Aucun de vos appareils ne commence par « { $device } ». « sequestre device » les montre.
failed-part-unknown = Élément inconnu. Les éléments sont : { $list }
failed-duration-form = « { $text } » n’est pas une durée. Écrivez par exemple 30m, 2h ou 3j.
failed-clipboard = Le presse-papiers n’a pas pu être utilisé. Affichez plutôt le mot de passe à l’écran.
failed-clipboard-still = On NE SAIT PAS si le mot de passe est encore dans le presse-papiers : il n’a pas pu être lu, ou pas vidé. Copiez autre chose maintenant.
failed-no-home = Votre dossier personnel est inconnu. Choisissez un dossier avec --home.
failed-demo-step = La démonstration ne s’est pas passée comme annoncé à l’étape « { $step } ».

# Textes.
text-empty = Rien n’a été écrit. Écrivez quelque chose.
text-too-long = Ce texte est trop long : 4096 octets au plus, environ 4000 lettres.
text-invisible = Le caractère { $position } est invisible ou change le sens de lecture, et pourrait déguiser le texte. Supprimez-le.
text-damaged = Un texte n’est pas celui que nomme le journal. Lancez « sequestre sync ».

# Codes.
code-none = Il n’y a pas de code ici. Copiez le code entier : ses lignes commencent par sqi1, sqc1 ou sqf1.
code-wrong-kind = C’est { $found ->
    [invitation] une invitation
    [card] une carte de contact
   *[founding] un code de fondation
}, et il faut { $wanted ->
    [invitation] une invitation
    [card] une carte de contact
   *[founding] un code de fondation
}.
code-character = Le caractère { $position } de la ligne { $line } n’existe dans aucun code. Comparez avec l’original ; rien n’est deviné.
code-typo-at = La ligne { $line } contient une faute de frappe, sans doute au caractère { $position }. Comparez avec l’original ; rien n’est deviné.
code-typo = La ligne { $line } contient des fautes de frappe ou n’est pas entière. Comparez-la en entier avec l’original ; rien n’est deviné.
code-other-set = La ligne { $line } appartient à un autre code que la ligne 1. Saisissez les lignes d’un seul code.
code-missing = Il manque la ligne { $number } sur { $count }. Saisissez-la aussi.
code-malformed = Ce code a été saisi correctement, mais ce programme ne peut pas s’en servir. Demandez-en un nouveau, ou mettez le programme à jour.

# Mots sur papier.
words-count = { $found } mots ont été saisis, il en faut 24. Comparez avec le papier.
words-unknown = Le mot { $position } n’est pas dans la liste. Comparez son orthographe avec le papier.
words-checksum = Tous les mots sont dans la liste, mais ils ne vont pas ensemble : au moins un n’est pas celui du papier, ou deux sont intervertis. Comparez-les un à un ; rien n’est deviné.

# Méfiance : arrêtez-vous et parlez.
distrust-stopped = STOP. Le journal de cette association s’est déjà contredit ; plus rien n’est accepté de ce serveur. Les preuves sont dans { $path }. Montrez-les aux autres et à un·e médiateur·rice.
distrust-checkpoint = STOP. Le point de contrôle du serveur ne porte pas la signature du journal de cette association. Parlez aux autres par un autre moyen.
distrust-fork = STOP. Le serveur montre un journal qui ne prolonge pas celui que cet ordinateur a vérifié : quelqu’un a réécrit ce qui s’est passé, ou montre des journaux différents à chacun. Les deux notes signées sont dans { $path }. Montrez-les aux autres et à un·e médiateur·rice.
distrust-lost-tail = STOP. Le serveur a perdu la fin du journal, ou la cache. Les deux notes signées sont dans { $path }. Montrez-les aux autres et à un·e médiateur·rice.
distrust-entry = STOP. L’entrée { $index } du journal ne tient pas : elle a été modifiée, ou n’a jamais été permise. La note signée est conservée dans { $path }. Montrez-la aux autres et à un·e médiateur·rice.
distrust-backdated = STOP. Le serveur ajoute des entrées datées d’avant la dernière vérification de cet ordinateur. Parlez aux autres.
distrust-receipt = STOP. Le serveur a dit « fait », mais le journal ne le montre pas à l’entrée { $index }. Rien ne compte comme fait ; parlez aux autres.
distrust-collected = STOP. Le serveur a remis les parts de la clé sans l’écrire dans le journal. Parlez aux autres.
distrust-server-key = STOP. Ce qui répond à { $address } n’est pas le serveur que vous connaissez, ou quelqu’un s’est mis entre les deux. Rien n’a été envoyé. Demandez aux autres de vive voix si le serveur a déménagé.
distrust-nonsense = STOP. Le serveur { $address } a donné une réponse qui n’a pas de sens. Parlez à un·e technicien·ne et aux autres.
distrust-joiner = STOP. Les clés arrivées sous le nom « { $name } » ne viennent pas d’une personne qui tient votre invitation. Ne l’admettez pas ; écrivez une nouvelle invitation, et remettez-la en mains propres.
distrust-inviter = STOP. Ce journal ne connaît pas la personne qui vous a invité·e. N’allez pas plus loin ; demandez-lui de vive voix.
