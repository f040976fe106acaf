progress-replay = Vérification de chaque entrée

# Le journal raconté : une phrase pour chaque acte.
log-line = { $index }  { $time }  { $text }
log-genesis = { $who } a fondé l’association « { $name } » (serveur { $address }).
log-invite = { $who } a invité { $name } comme { $roles } ; l’invitation est valable jusqu’au { $time }.
log-cancel-invitation = { $who } a annulé l’invitation faite à { $name }.
log-join = { $who } a rejoint l’association comme { $roles } ; l’invitation avait été faite par { $inviter }. Empreinte : { $fingerprint }.
log-enrol-device = { $who } a ajouté l’appareil { $device }.
log-revoke-device = { $who } a révoqué l’appareil { $device }.
log-propose = { $who } a fait la proposition { $proposal }.
log-propose-charter = { $who } a proposé la version { $version } de la charte (proposition { $proposal }, code { $code }).
log-propose-admission = { $who } a proposé d’admettre { $name } comme { $roles } (proposition { $proposal }).
log-propose-removal = { $who } a proposé de retirer { $name } de l’association (proposition { $proposal }) : « { $reason } ».
log-sign = { $who } a signé la proposition { $proposal }.
log-sign-charter = { $who } a signé la version { $version } de la charte (proposition { $proposal }).
log-acknowledge-charter = { $who } a pris acte de la version { $version } de la charte (proposition { $proposal }).
log-sign-admission = { $who } a donné son accord pour admettre { $name } (proposition { $proposal }).
log-sign-removal = { $who } a donné son accord pour retirer { $name } de l’association (proposition { $proposal }).
log-leave = { $who } a quitté l’association.
log-deposit = { $who } a mis le compte « { $label } » sous séquestre, dans le coffre « { $vault } » ({ $parts }).
log-deposit-again = { $who } a déposé la version { $version } de « { $label } » dans le coffre « { $vault } » ({ $parts }).
log-deposit-carried = { $who } a déposé la version { $version } de « { $label } » dans le coffre « { $vault } » ({ $parts }) ; inchangé : { $carried }.
log-confirm = { $who } a ouvert les parts de clé reçues et les a trouvées justes : { $n } ({ $labels }).
log-confirm-claims = { $who } a ouvert les parts de clé reçues. Justes : { $n }. { $claims }
log-claim-closed = La part de la clé de « { $label } » ({ $part }) distribuée par { $name } ne s’ouvre pas.
log-claim-differs = La part de la clé de « { $label } » ({ $part }) distribuée par { $name } n’est pas celle que nomme le journal.
log-the-server = le serveur
log-request = { $who } a demandé l’accès à « { $label } » ({ $parts }) pour { $duration } : « { $reason } ».
log-request-own = { $who } a demandé l’accès à « { $label } » ({ $parts }) pour { $duration }, en remettant sa propre part : « { $reason } ».
log-approve = { $who } a donné son accord à la demande { $request } : accès à « { $label } » pour { $name }.
log-deny = { $who } a refusé la demande { $request } (accès à « { $label } » pour { $name }), parce que « { $reason } ».
log-withdraw = { $who } a retiré la demande { $request } pour « { $label } ».
log-return = { $who } a rendu l’accès à « { $label } » (demande { $request }).
log-record-answer = { $who } dit ce qui s’est passé sans le serveur : { $n ->
    [one] { $n } part de clé remise
   *[other] { $n } parts de clé remises
} à { $name } pour une récupération : { $labels }.
log-accuse-closed = { $who } dit que la part de la clé de « { $label } » ({ $parts }) remise par { $name } pour la demande { $request } ne s’ouvre pas. Le programme de { $name } va revérifier.
log-accuse-differs = { $who } dit que la part de la clé de « { $label } » ({ $parts }) remise par { $name } pour la demande { $request } n’est pas celle que nomme le journal. Le programme de { $name } va revérifier.
log-accuse-answered-good = Cela répond à ce qu’a dit { $name } de la demande { $request } : la part de clé est juste, telle qu’elle a été distribuée.
log-accuse-answered-bad = Cela répond à ce qu’a dit { $name } de la demande { $request } : la part de clé était mauvaise avant d’être remise.
log-start-drill = { $who } a lancé un exercice : toutes les personnes qui ont des parts de clé sont invitées à les ouvrir et à dire ce qu’elles trouvent.
log-access-works = { $who } a essayé ce que donne l’accès à « { $label } » (demande { $request }) : cela fonctionne.
log-access-fails = { $who } a essayé ce que donne l’accès à « { $label } » (demande { $request }) : cela ne fonctionne PAS.
log-restore-drill = { $who } a restauré le service à partir d’une copie, à côté de celui qui fonctionne : { $size } entrées et { $blobs } fichiers en { $duration }. Tout y était.
log-restore-drill-failed = { $who } a essayé de restaurer le service à partir d’une copie, à côté de celui qui fonctionne : { $size } entrées et { $blobs } fichiers en { $duration }. Cela n’a PAS fonctionné.
log-revoke = { $who } a mis fin à l’accès accordé à { $name } pour « { $label } » (demande { $request }), parce que « { $reason } ».
log-collected = { $name } a récupéré « { $label } » (demande { $request }) : l’accès court jusqu’au { $time }.
log-expired = La demande { $request } ({ $name }, « { $label } ») a pris fin : trop peu d’accords à temps.
log-expired-uncollected = { $name } n’a pas récupéré « { $label } » à temps (demande { $request }) ; l’accès compte comme en cours jusqu’au { $time }.
log-lease-expired = L’accès accordé à { $name } pour « { $label } » (demande { $request }) a pris fin : son temps est écoulé.

# Ce qui s’ensuit.
log-then-charter = La version { $version } de la charte entre ainsi en vigueur.
log-then-admitted = Admission de : { $names }.
log-then-gone = Ne font plus partie de l’association : { $names }.
log-then-granted = L’accord « { $quorum } » est ainsi réuni et la demande { $request } est accordée.
log-then-ended = { $n ->
    [one] La demande { $requests } prend ainsi fin.
   *[other] Les demandes { $requests } prennent ainsi fin.
}
log-then-due-now = Le mot de passe de « { $label } » est à changer maintenant.
log-then-due-later = Le mot de passe de « { $label } » est à changer plus tard.
log-then-settled = Le changement de mot de passe dû pour « { $label } » est ainsi inscrit comme fait.

# Copies pour d’autres.
audit-bad-moment = « { $text } » n’est ni un numéro d’entrée ni une date. Écrivez par exemple 120, 15/01/2027 ou 15/01/2027 18:30.
audit-folder-not-empty = { $path } contient déjà quelque chose. Choisissez un dossier vide ou nouveau : une copie ne doit pas se mêler à d’anciens fichiers.
audit-copy-differs = Les entrées ne sont pas celles du point de contrôle. Lancez « sequestre sync » et réessayez.
audit-no-entry = Il n’y a pas d’entrée { $index } : le journal en compte { $size }, à partir de 0.
audit-exported = { $entries } entrées, { $cosignatures } contreseings et { $texts } textes ont été écrits dans { $path }. Il s’y trouve des noms et des motifs, mais ni mot de passe ni part de clé : ne donnez cette copie qu’à qui a le droit de lire le journal. Le fichier README.txt dit comment la vérifier.
audit-readme =
    COPIE DU JOURNAL DE « { $name } »
    faite le { $time }

    CE QUE C’EST
    Tout ce qui s’est fait dans le séquestre de cette association, dans
    l’ordre : qui a mis quel compte sous séquestre, qui a demandé un accès et
    pourquoi, qui a donné son accord, quand l’accès a pris fin. Il s’y trouve
    des noms et des motifs : à traiter comme confidentiel. Il ne s’y trouve
    ni mot de passe, ni part de clé, ni fiche de compte.

    Association      { $id }
    Entrées          { $entries }
    Racine           { $root }
    Clé du journal   { $key }
    Charte           version { $version }
    Code de charte   { $code }

    COMMENT LA VÉRIFIER
    1. Installez Séquestre. Il ne faut ni compte ni réseau.
    2. Lancez :  sequestre audit verify DOSSIER
       Chaque entrée est rejouée depuis la première. La réponse nomme la
       première entrée qui ne tient pas et dit pourquoi, ou dit que tout tient.
    3. Comparez de vive voix le code de charte et la clé du journal ci-dessus
       avec une personne de confiance : qui aurait fait une fausse copie aurait
       pu les écrire ici. Avec une clé de source sûre, lancez :
       sequestre audit verify DOSSIER --log-key 'LA CLÉ DU JOURNAL'
    4. Demandez une copie à plusieurs gardien·nes et médiateur·rices. Deux
       copies doivent s’accorder jusqu’à la fin de la plus courte ; sinon,
       gardez les deux.

    AVEC D’AUTRES OUTILS
    Les fichiers suivent les formats de C2SP (c2sp.org) : « checkpoint » est
    une note signée (signed-note, tlog-checkpoint) avec des contreseings
    (tlog-cosignature), « tile/ » est disposé selon tlog-tiles, les empreintes
    sont celles de la RFC 6962. « cosignatures/ » contient les contreseings
    d’états plus anciens du journal, « blobs/ » les textes, chacun nommé par
    son SHA-256, 32 octets aléatoires devant le texte.

# Le verdict sur une copie.
audit-bad-key = Ce n’est pas une clé de journal. Copiez toute la ligne « sequestre/…+…+… » ou les 64 caractères de la clé.
audit-holds = { $n ->
    [one] Tout tient : l’entrée était permise, et c’est celle que le journal a signée.
   *[other] Tout tient : chacune des { $n } entrées était permise, et ensemble elles sont ce que le journal a signé.
}
audit-fails-because = { $n ->
    [one] Cette copie ne tient pas. Une chose est fausse :
   *[other] Cette copie ne tient pas. { $n } choses sont fausses :
}
audit-fails = { $more ->
    [0] Cette copie ne tient pas : { $first } Ne vous y fiez pas ; montrez-la aux autres.
    [one] Cette copie ne tient pas : { $first } Une autre chose est fausse. Ne vous y fiez pas ; montrez-la aux autres.
   *[other] Cette copie ne tient pas : { $first } { $more } autres choses sont fausses. Ne vous y fiez pas ; montrez-la aux autres.
}
audit-item = - { $text }
audit-id = Association : { $id }
audit-head = Le point de contrôle dit : { $n } entrées, racine { $root }.
audit-key-given = Clé du journal, telle que vous l’avez donnée : { $key }
audit-key-pinned = Clé du journal, telle que cet ordinateur la connaît depuis l’adhésion : { $key }
audit-key-copy = Clé du journal, telle que seule cette copie l’indique : { $key }
    Comparez-la, ou le code de charte, avec une personne de confiance : un journal inventé de toutes pièces aurait l’air aussi juste.
audit-replayed = Rejoué : « { $name } », { $n } entrées, la dernière du { $time }.
audit-charter = Charte : version { $version }, code { $code }
audit-nobody-cosigned = Cette copie ne porte aucun contreseing : seul le journal lui-même répond de sa fin.
audit-cosigned = { $of ->
    [0] Confirmé par ces personnes :
   *[other] Confirmé par { $n } témoins sur { $of } :
}
audit-cosigned-by = Qui
audit-cosigned-device = Appareil
audit-cosigned-up-to = Entrées vues
audit-cosigned-on = Quand (à son horloge)
audit-cosigned-witness = Témoin
audit-witness-yes = oui
audit-witness-no = non
audit-texts = Textes dans cette copie : { $n } sur les { $of } que nomme le journal. Il peut en manquer ; ceux qui sont là sont les bons.
audit-own-none = Cet ordinateur n’a pas de réplique de ce journal à comparer.
audit-own-agrees = La réplique de cet ordinateur ({ $n } entrées) concorde.
audit-own-contradicts = La réplique de cet ordinateur ({ $n } entrées) la CONTREDIT.
audit-own-unknown = Elle n’a pas pu être comparée avec la réplique de cet ordinateur.
audit-remarks = À savoir aussi :
audit-fault-no-checkpoint = Il n’y a pas de fichier « checkpoint » : ce n’est pas une copie complète d’un journal.
audit-fault-checkpoint-form = Le fichier « checkpoint » n’est pas le point de contrôle d’un tel journal, ou il est abîmé.
audit-fault-no-key = La clé du journal n’est pas connue : la première entrée manque ou est abîmée. Donnez la clé avec --log-key.
audit-fault-signature = La clé du journal n’a pas signé ce point de contrôle : il a été modifié, ou vient d’un autre journal.
audit-fault-other-key = La première entrée indique une autre clé de journal que celle de la vérification.
audit-fault-other-log = La clé que vous avez donnée est celle du journal de { $wanted } ; ceci est le journal de { $found }.
audit-fault-no-bundle = L’entrée { $entry } et les suivantes manquent : il n’y a pas de fichier { $path }.
audit-fault-bundle = L’entrée { $entry } et les suivantes sont illisibles : le fichier { $path } est abîmé ou tronqué.
audit-fault-no-tile = Le fichier { $path } manque.
audit-fault-tile = Les empreintes dans { $path } ne sont pas celles du journal : ce fichier a été modifié.
audit-fault-altered = L’entrée { $entry } a été modifiée dans cette copie : ce n’est pas celle que le journal a signée.
audit-fault-forbidden = L’entrée { $entry } est dans le journal alors qu’elle ne devrait pas y être : le serveur a accepté ce qu’il devait refuser.
audit-fault-entry = L’entrée { $entry } ne tient pas.
audit-fault-root = Les entrées ne sont pas celles que le journal a signées : ensemble, elles donnent une autre racine.
audit-fault-cosignature = Le contreseing de l’appareil { $device } pour { $size } entrées est faux.
audit-fault-cosignature-form = { $path } n’est pas un contreseing de ce journal.
audit-fault-cosigned-other = L’appareil { $device } a confirmé sous ce nom un autre journal de { $size } entrées. Gardez cette copie : c’est une preuve.
audit-fault-text = Le texte { $path } a été modifié : ce n’est pas celui que dit son nom.
audit-fault-fork = { $why }
audit-fault-not-ours = Elle contredit ce que cet ordinateur a rejoué lui-même.
audit-remark-text = { $path } est un texte que le journal ne nomme pas.
audit-remark-foreign = { $path } n’appartient pas à la copie et n’a pas été vérifié.
audit-remark-foreign-more = { $n ->
    [one] Un autre fichier n’appartient pas à la copie et n’a pas été vérifié.
   *[other] { $n } autres fichiers n’appartiennent pas à la copie et n’ont pas été vérifiés.
}
audit-remark-unknown-device = Un contreseing pour { $size } entrées vient d’un appareil que ce journal ne connaît pas ({ $device }) ; il ne compte pas.
audit-remark-revoked-device = Un contreseing pour { $size } entrées vient d’un appareil révoqué ({ $device }) ; il ne compte pas.
audit-remark-own-damaged = La réplique de cet ordinateur n’a pas pu être lue.
audit-remark-unrecorded = { $text }
audit-why-malformed = Ce n’est pas une entrée lisible ({ $detail }).
audit-why-genesis = Le journal ne commence pas comme celui de cette association.
audit-why-index = Elle se dit entrée { $index }.
audit-why-time = Elle est datée d’avant l’entrée qui la précède.
audit-why-signature = La personne qui y est nommée ne l’a pas signée.
audit-why-daemon = Le serveur ne l’a pas signée.
audit-why-repeated = Le même acte est déjà dans le journal, à l’entrée { $index }.
audit-why-refused = Les règles ne le permettaient pas : { $rule }

# Ce qui se passe chez les fournisseurs.
log-seal = { $who } a fermé tout ce qui était ouvert au serveur, parce que « { $reason } ».
log-rotate = { $who } a demandé au serveur de donner un nouveau mot de passe à « { $label } ».
log-request-unseal = { $who } a demandé que « { $label } » soit ouvert au serveur pendant { $duration }, parce que « { $reason } ».
log-request-mint = { $who } a demandé un accès personnel à « { $label } » pendant { $duration }, parce que « { $reason } ».
log-request-delegation = { $who } a demandé que { $name } puisse utiliser « { $label } » { $uses ->
    [one] une fois
   *[other] { $uses } fois
} jusqu’au { $time } sans redemander, parce que « { $reason } ».
log-delegate = { $who } a mis en vigueur la délégation { $delegation } de { $name } pour « { $label } ».
log-end-delegation = { $who } a mis fin à la délégation { $delegation } de { $name } pour « { $label } », parce que « { $reason } ».
log-take = { $who } a pris un accès à « { $label } » pour { $duration } par la délégation { $delegation } (demande { $request }), parce que « { $reason } ».
log-opened = Le serveur s’est ouvert « { $label } » (demande { $request } de { $name }) : jusqu’au { $time }.
log-window-over = « { $label } » n’est plus ouvert au serveur (demande { $request } de { $name }) : le temps est écoulé.
log-closed = Le serveur n’a plus les clés de la demande { $request } de { $name } pour « { $label } » : il a redémarré, ou le journal a déménagé.
log-mint-started = Le serveur a commencé à créer un accès à « { $label } » pour { $name } (demande { $request }), jusqu’au { $time }.
log-minted = Le serveur a créé un accès à « { $label } » pour { $name } (demande { $request }) : il court jusqu’au { $time }.
log-revoked-at-target = Ce qui avait été créé chez « { $label } » pour { $name } (demande { $request }) n’y est plus : cet accès a pris fin.
log-unseal-filed = Le serveur a demandé que « { $label } » lui soit ouvert pendant { $duration } (demande { $request }), à cause de l’entrée { $because }.
log-staged = Le serveur a scellé un nouveau mot de passe pour « { $label } » (version { $version }) et va le mettre en place.
log-rotated = « { $label } » a le nouveau mot de passe (version { $version }).
log-staged-dropped = Le nouveau mot de passe de « { $label } » (version { $version }) n’a pas servi ; l’ancien reste valable.
